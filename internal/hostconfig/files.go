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

// files is how the host is changed; a test's may fail.
type files interface {
	// Write replaces a file.
	Write(path string, data []byte, mode fs.FileMode) error
	// Mkdir makes a directory for the user alone.
	Mkdir(path string) error
	// Remove removes a file or an empty directory, if it is there.
	Remove(path string) error
	// Sweep removes what an interrupted Write of the path left.
	Sweep(path string) error
	// Link makes a symbolic link; fs.ErrExist when the path is taken.
	Link(target, path string) error
}

// diskFiles changes the real ones.
type diskFiles struct{}

func (diskFiles) Write(path string, data []byte, mode fs.FileMode) error {
	if err := atomicfile.RemoveStaleOf(path); err != nil {
		return err
	}
	return atomicfile.Write(path, data, mode)
}

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

// dirsFor lists a directory and those above it as far as they are not there, or rdd made them.
func (s *session) dirsFor(dir string) []string {
	dirs := missing(dir)
	for _, other := range s.host.others() {
		dirs = append(dirs, slices.DeleteFunc(slices.Clone(other.Dirs), func(d string) bool { return !isAbove(d, dir) })...)
	}
	return dirs
}

// missing lists a directory and those above it that are not there, deepest first.
func missing(dir string) []string {
	var dirs []string
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dirs
		}
		dirs = append(dirs, dir)
	}
}

func (s *session) makeDirs(dir string) error {
	for _, d := range slices.Backward(missing(dir)) {
		if err := s.host.files.Mkdir(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) noteDirs(dirs []string) {
	s.Dirs = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(s.Dirs), dirs...))))
	slices.Reverse(s.Dirs) // what is inside sorts behind what it is in
}

func isAbove(dir, path string) bool {
	for ; path != filepath.Dir(path); path = filepath.Dir(path) {
		if path == dir {
			return true
		}
	}
	return false
}

// dropDirs removes the directories that rdd made, once nothing of ours is in them; one that others
// use is theirs.
func (s *session) dropDirs() {
	if s.usesDocker() {
		return
	}
	for _, dir := range s.Dirs {
		_ = s.host.files.Remove(dir) // it fails when it is not empty, and says nothing else worth knowing
	}
	s.Dirs = nil
}
