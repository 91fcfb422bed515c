// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
)

// MountedError says that RemoveAll has removed everything but mount points, which only who has
// mounted them can remove, and the directories above them.
type MountedError struct {
	// Emptied is the path itself, where it is a mount point; else empty.
	Emptied string
	// Kept are mount points below the path. What is mounted there is as it was.
	Kept []string
}

func (e *MountedError) Error() string {
	var parts []string
	if e.Emptied != "" {
		parts = append(parts, "a mount point was emptied, and stays: "+e.Emptied)
	}
	if len(e.Kept) > 0 {
		parts = append(parts, "something is mounted there, and was left as it is: "+strings.Join(e.Kept, ", "))
	}
	return strings.Join(parts, "; ")
}

// Unwrap returns what the system says of a mount point.
func (e *MountedError) Unwrap() error { return syscall.EBUSY }

// removeMounted is RemoveAll without syncing.
func removeMounted(path string) error {
	if _, err := os.Lstat(path); err != nil {
		return ignoreNotExist(err)
	}
	below, top, err := mountPoints(path)
	if err != nil {
		return err
	}
	if len(below) == 0 && !top {
		return removeAll(path)
	}
	left := &MountedError{Kept: below}
	if top {
		left.Emptied = path
	}
	if err := removeBeside(path, below); err != nil {
		return err
	}
	return left
}

// mountPoints returns the mount points below path, under the name that path has, and whether path
// is one. On Windows none are known: they cannot be listed there.
func mountPoints(path string) (below []string, top bool, err error) {
	if runtime.GOOS == "windows" {
		return nil, false, nil
	}
	real, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil, false, err
	}
	real = filepath.Join(real, filepath.Base(path))
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, false, fmt.Errorf("looking for what is mounted: %w", err)
	}
	for _, m := range mounts {
		rest, inside := strings.CutPrefix(m.Mountpoint, real+string(filepath.Separator))
		switch {
		case m.Mountpoint == real:
			top = true
		case inside:
			below = append(below, filepath.Join(path, rest))
		}
	}
	slices.Sort(below)
	return slices.Compact(below), top, nil
}

// removeBeside removes what is in a directory, but nothing that is mounted and no directory above
// that.
func removeBeside(dir string, mounts []string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrPermission) {
		_ = os.Chmod(dir, 0o700)
		entries, err = os.ReadDir(dir)
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return nil // a file that is a mount point
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		isAbove := func(mount string) bool { return strings.HasPrefix(mount, path+string(filepath.Separator)) }
		switch {
		case slices.Contains(mounts, path):
		case slices.ContainsFunc(mounts, isAbove):
			errs = append(errs, removeBeside(path, mounts))
		default:
			errs = append(errs, removeAll(path))
		}
	}
	return errors.Join(errs...)
}
