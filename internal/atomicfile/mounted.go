// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MountedError says that RemoveAll has removed everything but mount points, which only who has
// mounted them can remove, and the directories above them.
type MountedError struct {
	// Paths are the mount points. Directories among them are empty.
	Paths []string
}

func (e *MountedError) Error() string {
	return fmt.Sprintf("a mount point cannot be removed; what was in it is removed, and it stays: %s", strings.Join(e.Paths, ", "))
}

// Unwrap returns what the system says of a mount point.
func (e *MountedError) Unwrap() error { return syscall.EBUSY }

// mounted looks at what a removal that failed with err has left. It returns a *MountedError if that
// is nothing but mount points and what is above them, or else err.
func mounted(path string, err error) error {
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	var left []string
	walkErr := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := isAbove(name, entry)
		if err != nil || below {
			return err
		}
		if err := os.Remove(name); !errors.Is(err, syscall.EBUSY) {
			return errors.Join(err, errNotMounted)
		}
		left = append(left, name)
		return nil
	})
	if walkErr != nil {
		return err
	}
	return &MountedError{Paths: left}
}

var errNotMounted = errors.New("there is something else than a mount point")

// isAbove reports whether an entry is a directory with something in it.
func isAbove(name string, entry fs.DirEntry) (bool, error) {
	if !entry.IsDir() {
		return false, nil
	}
	entries, err := os.ReadDir(name)
	return len(entries) > 0, err
}
