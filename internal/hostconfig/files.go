// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// files is how the host is changed. Tests have implementations that fail or count.
type files interface {
	// Write makes or replaces a file.
	Write(path string, data []byte, mode fs.FileMode) error
	// Replace replaces a file of the user's: see atomicfile.Replace. Overwrite writes to one that
	// cannot be replaced.
	Replace(path string, data []byte) error
	Overwrite(path string, data []byte) error
	// Mkdir makes a directory for the user alone.
	Mkdir(path string) error
	// Remove removes a file or an empty directory, if it is there.
	Remove(path string) error
	// Sweep removes the temporary files that interrupted Writes of the path have left.
	Sweep(path string) error
	// Link makes a symbolic link. The error is fs.ErrExist when the path exists.
	Link(target, path string) error
}

// diskFiles changes the real files, and syncs them.
type diskFiles struct{}

func (diskFiles) Write(path string, data []byte, mode fs.FileMode) error {
	if err := atomicfile.RemoveStaleOf(path); err != nil {
		return err
	}
	return atomicfile.Write(path, data, mode)
}

func (diskFiles) Replace(path string, data []byte) error {
	if err := atomicfile.RemoveStaleOf(path); err != nil {
		return err
	}
	return atomicfile.Replace(path, data)
}

func (diskFiles) Overwrite(path string, data []byte) error { return atomicfile.Overwrite(path, data) }

func (diskFiles) Mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func (diskFiles) Remove(path string) error {
	if err := atomicfile.RemoveStaleOf(path); err != nil {
		return err
	}
	return atomicfile.Remove(path)
}

func (diskFiles) Sweep(path string) error { return atomicfile.RemoveStaleOf(path) }

func (diskFiles) Link(target, path string) error {
	if err := os.Symlink(target, path); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// dirsFor lists dir and the directories above it that do not exist yet, or that another instance's
// record says rdd made.
func (tx *transaction) dirsFor(dir string) []string {
	dirs := missing(dir)
	for _, other := range tx.host.others() {
		dirs = append(dirs, slices.DeleteFunc(slices.Clone(other.Dirs), func(d string) bool { return !isAbove(d, dir) })...)
	}
	return dirs
}

// missing lists dir and the directories above it that do not exist, deepest first.
func missing(dir string) []string {
	var dirs []string
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dirs
		}
		dirs = append(dirs, dir)
	}
}

func (tx *transaction) makeDirs(dir string) error {
	for _, d := range slices.Backward(missing(dir)) {
		if err := tx.host.files.Mkdir(d); err != nil {
			return err
		}
	}
	return nil
}

func (tx *transaction) noteDirs(dirs []string) {
	tx.Dirs = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(tx.Dirs), dirs...))))
	slices.Reverse(tx.Dirs) // deepest first: a directory sorts after the one that it is in
}

func isAbove(dir, path string) bool {
	for ; path != filepath.Dir(path); path = filepath.Dir(path) {
		if path == dir {
			return true
		}
	}
	return false
}

// dropDirs removes the directories that rdd made, once docker's configuration holds nothing of
// ours. A directory that others have put something into stays.
func (tx *transaction) dropDirs() {
	if tx.usesDocker() {
		return
	}
	for _, dir := range tx.Dirs {
		_ = tx.host.files.Remove(dir) // fails when it is not empty: then it is in use and stays
	}
	tx.Dirs = nil
}
