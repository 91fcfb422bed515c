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

// errNotDone says that the file system has reported a success, and has done nothing.
var errNotDone = errors.New("it was not done, although the file system says so")

// Write replaces path with data. It writes a temporary file in the same directory, syncs it,
// renames it to path and syncs the directory, so a reader sees the whole old or the whole new
// content. After an error path is unchanged, unless only the last sync failed, and the temporary
// file is gone.
func Write(path string, data []byte, mode fs.FileMode) error {
	temp, err := create(path, data, func(f *os.File) error { return f.Chmod(mode) })
	if err == nil {
		err = put(temp, path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// create makes a temporary file beside path that holds data and is synced. prepare is called while
// it is empty. After an error there is no such file.
func create(path string, data []byte, prepare func(*os.File) error) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), tempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), ignoreNotExist(os.Remove(f.Name())))
		}
	}()
	if err := prepare(f); err != nil {
		return "", err
	}
	if _, err := f.Write(data); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	if info, err := f.Stat(); err != nil || info.Size() != int64(len(data)) {
		return "", errors.Join(err, errNotDone)
	}
	return f.Name(), f.Close()
}

// put renames what create has made to path, or removes it.
func put(temp, path string) error {
	err := Rename(temp, path)
	if err != nil {
		err = errors.Join(err, ignoreNotExist(os.Remove(temp)))
	}
	return err
}

// Rename moves oldPath to newPath on the same file system and makes the move durable. An existing
// file at newPath is replaced.
func Rename(oldPath, newPath string) error { return move(oldPath, newPath, os.Rename) }

// move renames and finds out whether that was done: a success that is reported for nothing, of
// which others would conclude that there is something, is an error here. It shows by the old name:
// what has the new one may be another process's already. Both directories are synced, or the old
// name may come back.
func move(oldPath, newPath string, rename func(oldPath, newPath string) error) error {
	before, err := os.Lstat(oldPath)
	if err != nil {
		return err
	}
	if err := rename(oldPath, newPath); err != nil {
		return err
	}
	if is(oldPath, before) && !is(newPath, before) {
		return &os.LinkError{Op: "rename", Old: oldPath, New: newPath, Err: errNotDone}
	}
	from, to := filepath.Dir(oldPath), filepath.Dir(newPath)
	if from == to {
		return SyncDir(to)
	}
	return errors.Join(SyncDir(to), SyncDir(from))
}

// is reports whether a path names the file that was described before.
func is(path string, before fs.FileInfo) bool {
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(before, now)
}

// MkdirAll is os.MkdirAll whose directories stay after a power cut. One that was there is left as
// it is.
func MkdirAll(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	parent := filepath.Dir(path)
	if err == nil && info.IsDir() || parent == path {
		return os.MkdirAll(path, mode)
	}
	if err := MkdirAll(parent, mode); err != nil {
		return err
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	return syncEntry(path)
}

// Link makes newPath another name of the file at oldPath, durable. An existing file at newPath is
// replaced. Where the file systems differ, or cannot link, newPath stays as it was.
func Link(oldPath, newPath string) error {
	return link(newPath, func(temp string) error { return os.Link(oldPath, temp) })
}

// Symlink makes newPath a symbolic link that says target, durable. An existing file at newPath is
// replaced.
func Symlink(target, newPath string) error {
	return link(newPath, func(temp string) error { return os.Symlink(target, temp) })
}

// link puts what makeAt makes at newPath.
func link(newPath string, makeAt func(temp string) error) error {
	temp := filepath.Join(filepath.Dir(newPath), tempPrefix+filepath.Base(newPath)+"-link")
	if err := Remove(temp); err != nil {
		return err
	}
	if err := makeAt(temp); err != nil {
		return err
	}
	if err := Rename(temp, newPath); err != nil {
		return errors.Join(err, Remove(temp))
	}
	// rename(2) does nothing when both are names of one file already.
	return Remove(temp)
}

// Sync makes the content of a file durable that another program, or os.WriteFile, has written. The
// file may be read-only.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = os.Open(path)
	}
	if err != nil {
		return fmt.Errorf("opening file to sync it: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// Claim moves oldPath to newPath like Rename, but never replaces anything. It returns fs.ErrExist
// when newPath exists, be it an empty directory. Of several callers that claim one path, one
// succeeds.
func Claim(oldPath, newPath string) error { return move(oldPath, newPath, renameNew) }

// Exchange swaps what two paths name, whatever that is, in one step: at no time is one of them
// missing. It is not possible between file systems, for mount points and on every system; nothing
// has changed then. It returns errors.ErrUnsupported where the system has no such step.
func Exchange(first, second string) error {
	if err := exchange(first, second); err != nil {
		return err
	}
	return errors.Join(SyncDir(filepath.Dir(first)), SyncDir(filepath.Dir(second)))
}

// SyncDir makes the entries of a directory durable: which files it has, not what they hold.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening directory to sync it: %w", err)
	}
	return errors.Join(syncHandle(d), d.Close())
}

// Remove removes a file or an empty directory, so that it does not come back after a power cut; nil
// when it is not there.
func Remove(path string) error { return remove(path, os.Remove) }

// remove removes and finds out whether that was done, as move does.
func remove(path string, do func(path string) error) error {
	before, err := os.Lstat(path)
	if err != nil {
		return ignoreNotExist(err)
	}
	if err := do(path); err != nil {
		return ignoreNotExist(err)
	}
	if is(path, before) {
		return &fs.PathError{Op: "remove", Path: path, Err: errNotDone}
	}
	return syncEntry(path)
}

// syncEntry makes durable that a name was made or removed. A directory that may be written and not
// read cannot be opened, and so is not synced.
func syncEntry(path string) error {
	if err := SyncDir(filepath.Dir(path)); !errors.Is(err, fs.ErrPermission) {
		return ignoreNotExist(err) // with the directory the name is gone, too
	}
	return nil
}

// RemoveAll removes path and everything below it, so that nothing comes back after a power cut; nil
// when it is not there. Directories whose mode keeps this user out are opened up first. What is
// mounted below path is somebody else's: it stays as it is. A path that is a mount point itself is
// emptied. The error is a *MountedError when nothing but mount points is left. It is not atomic: a
// crash in between leaves a part.
func RemoveAll(path string) error { return remove(path, removeMounted) }

func removeAll(path string) error {
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
