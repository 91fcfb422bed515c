// SPDX-License-Identifier: Apache-2.0

// Package atomicfile changes files and directories so that a crash or power loss at any point
// leaves either the old or the new content. Lint forbids os.Remove and os.Rename elsewhere, so this
// is where the project changes and removes the host's files.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tempPrefix marks files that a crash may leave behind; RemoveStale finds them by it.
const tempPrefix = ".tmp-"

// Write replaces path with data. It writes a temporary file in the same directory, syncs it,
// renames it to path and syncs the directory, so a reader sees the whole old or the whole new
// content. After an error path is unchanged, unless only the last sync failed, and the temporary
// file is gone.
func Write(path string, data []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", path, errors.Join(err, f.Close(), ignoreNotExist(os.Remove(f.Name()))))
		}
	}()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return Rename(f.Name(), path)
}

// Rename moves oldPath to newPath on the same file system and makes the move durable. An existing
// file at newPath is replaced.
func Rename(oldPath, newPath string) error {
	if err := os.Rename(oldPath, newPath); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(newPath))
}

// Sync makes the content of a file durable that another program, or os.WriteFile, has written.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening file to sync it: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// Claim moves oldPath to newPath like Rename, but never replaces anything. It returns fs.ErrExist
// when newPath exists, be it an empty directory. Of several callers that claim one path, one
// succeeds.
func Claim(oldPath, newPath string) error {
	if err := renameNew(oldPath, newPath); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(newPath))
}

// SyncDir makes the entries of a directory durable: which files it has, not what they hold.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening directory to sync it: %w", err)
	}
	return errors.Join(syncHandle(d), d.Close())
}

// Remove removes a file or an empty directory; nil when it is not there.
func Remove(path string) error { return ignoreNotExist(os.Remove(path)) }

// RemoveAll removes path and everything below it; nil when it is not there. Directories whose mode
// keeps this user out are opened up first. It is not atomic: a crash in between leaves a part.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error { // the removal tells
		if err == nil && entry.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}

// RemoveStale removes what interrupted calls of Write left in dir.
func RemoveStale(dir string) error { return removeStale(dir, tempPrefix) }

// RemoveStaleOf removes what interrupted calls of Write for path left. It is for a directory that
// other programs use as well: files that do not belong to path stay.
func RemoveStaleOf(path string) error {
	return removeStale(filepath.Dir(path), tempPrefix+filepath.Base(path)+"-")
}

func removeStale(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignoreNotExist(err)
	}
	var errs []error
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) {
			errs = append(errs, Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
