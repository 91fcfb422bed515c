// SPDX-License-Identifier: Apache-2.0

package guestcopy

import (
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// place is a path on the host, or in a guest.
type place struct {
	// vm is the LimaVM of the guest; empty for the host.
	vm   string
	path string
}

// parsePlace reads an argument: VM:PATH, or a path of the host. As for scp, a path of the host with
// a colon is written with a slash before it. A path in a guest is relative to the home of its user.
func parsePlace(arg string) place {
	name, rest, found := strings.Cut(arg, ":")
	drive := runtime.GOOS == "windows" && len(name) == 1
	if !found || name == "" || drive || strings.ContainsAny(name, `/\`) {
		return place{path: arg}
	}
	switch {
	case rest == "~" || rest == "~/" || rest == "":
		rest = "."
	default:
		rest = strings.TrimPrefix(rest, "~/")
	}
	return place{vm: name, path: rest}
}

// base is the name that a copy has in a directory; empty for a path that has no name of its own, as
// "." and "/": what is in such a directory is copied.
func (p place) base() string {
	name := filepath.Base(p.path)
	if p.vm != "" {
		name = path.Base(p.path)
	}
	if name == "." || name == ".." || name == "/" || name == string(filepath.Separator) {
		return ""
	}
	return name
}

// String is the argument that the place was given as.
func (p place) String() string {
	if p.vm == "" {
		return p.path
	}
	return p.vm + ":" + p.path
}
