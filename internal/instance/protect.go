// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Mended is a directory or file with which other users could do more than they may.
type Mended struct {
	Path string
	// Mode is what it was.
	Mode fs.FileMode
	// Err says why it still is; nil when it was changed.
	Err error
}

// What others may not do: nothing at all with what holds secrets, and not change the images.
const (
	othersAccess fs.FileMode = 0o077
	othersWrite  fs.FileMode = 0o022
)

// Protect takes away what other users may do with the instance's directories, those of its VMs and
// the files in the service directory, and that they may change the image cache. It returns what it
// has changed, or should have. It fails when one of the files belongs to another user, who could
// have read what rdd writes to it.
func (i Instance) Protect() ([]Mended, error) {
	var mended []Mended
	for _, dir := range i.secretDirs() {
		mended = append(mended, takeAway(dir, othersAccess)...)
	}
	for _, dir := range []string{i.CacheDir, i.ImageDir()} {
		mended = append(mended, takeAway(dir, othersWrite)...)
	}
	machines, err := entries(i.LimaHome(), fs.FileMode.IsDir)
	if err != nil {
		return nil, err
	}
	for _, dir := range machines {
		mended = append(mended, takeAway(dir, othersAccess)...)
	}
	for _, dir := range []string{i.Dir, i.TLSDir(), filepath.Join(i.Dir, "backups")} {
		files, err := entries(dir, fs.FileMode.IsRegular)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := checkOwner(file); err != nil {
				return nil, err
			}
			mended = append(mended, takeAway(file, othersAccess)...)
		}
	}
	return mended, nil
}

// entries returns what a directory has of one type; nothing if there is no such directory.
func entries(dir string, ofType func(fs.FileMode) bool) ([]string, error) {
	found, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var paths []string
	for _, entry := range found {
		if ofType(entry.Type()) {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths, err
}

// takeAway removes permissions from a file or directory of this user, if it has them and exists.
func takeAway(path string, permissions fs.FileMode) []Mended {
	info, err := os.Stat(path)
	if err != nil || owner(info) != os.Geteuid() || info.Mode()&permissions == 0 {
		return nil
	}
	return []Mended{{Path: path, Mode: info.Mode().Perm(), Err: os.Chmod(path, info.Mode().Perm()&^permissions)}}
}
