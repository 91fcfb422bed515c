// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// tools are the names under which BinDir has the program: what it is when it is called by them.
func tools() []string { return []string{"rdd", "kubectl"} }

// LinkTools makes BinDir, which must exist, hold a link for each tool that rdd brings: rdd itself,
// and kubectl. They lead to program, the path of this program, also where they led elsewhere
// before. Where program is a link itself, they lead to where it leads. What is no link is the
// user's own tool: it stays, and is an error.
func (i Instance) LinkTools(program string) error {
	// One that is gone has no other path.
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	var errs []error
	for _, name := range tools() {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		if err := linkTool(program, filepath.Join(i.BinDir(), name)); err != nil {
			errs = append(errs, fmt.Errorf("linking a tool: %w", err))
		}
	}
	return errors.Join(errs...)
}

func linkTool(program, path string) error {
	if sameEntry(program, path) {
		return nil // it would lead to itself
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		if target, err := os.Readlink(path); err == nil && target == program {
			return nil
		}
	default:
		if own, err := os.Stat(program); err == nil && os.SameFile(info, own) {
			return nil // a hard link
		}
		return fmt.Errorf("%s is in the way of rdd's link, and stays", path)
	}
	err = atomicfile.Symlink(program, path)
	if err != nil && runtime.GOOS == "windows" { // where only some users may make symbolic links
		err = atomicfile.Link(program, path)
	}
	return err
}

// sameEntry reports whether two paths name the same entry of one directory.
func sameEntry(a, b string) bool {
	dirA, errA := os.Stat(filepath.Dir(a))
	dirB, errB := os.Stat(filepath.Dir(b))
	return filepath.Base(a) == filepath.Base(b) && errA == nil && errB == nil && os.SameFile(dirA, dirB)
}
