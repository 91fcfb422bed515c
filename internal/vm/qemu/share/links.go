// SPDX-License-Identifier: Apache-2.0

package share

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/template"
)

// Link is a symbolic link in the guest: another path by which the host knows a mounted directory.
type Link struct{ Path, Target string }

// Links finds the other paths of what is mounted in the guest at its path on the host: those
// without symbolic links, as pwd -P shows them, and those by the user's home where that is a link.
// A program that hands a path of the host to the guest, as docker run -v does, may use either.
func Links(mounts []template.Mount, home string) []Link {
	var links []Link
	add := func(at, target string) {
		taken := func(m template.Mount) bool { return within(at, m.MountPoint) || within(m.MountPoint, at) }
		inside := func(l Link) bool { return within(at, l.Path) }
		if at != target && template.CanMount(at) && !slices.ContainsFunc(mounts, taken) && !slices.ContainsFunc(links, inside) {
			links = append(links, Link{at, target})
		}
	}
	realHome := resolved(home)
	byMountPoint := func(a, b template.Mount) int { return cmp.Compare(a.MountPoint, b.MountPoint) }
	for _, m := range slices.SortedFunc(slices.Values(mounts), byMountPoint) {
		if m.MountPoint != path.Clean(m.Location) {
			continue
		}
		add(resolved(m.Location), m.MountPoint)
		switch rest, below := strings.CutPrefix(m.MountPoint, realHome); {
		case within(m.MountPoint, realHome) && below:
			add(path.Join(home, rest), m.MountPoint)
		case within(realHome, m.MountPoint):
			add(home, realHome)
		}
	}
	return links
}

// resolved is a path without symbolic links, or the path itself when there is nothing.
func resolved(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}
