// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrInPlace is returned by Replace when no other file can take a file's place without a loss.
// Overwrite can change its content.
var ErrInPlace = errors.New("it can only be written in place")

// Replace is Write for an existing file of somebody else's. The new file has the owner, the
// permissions, the ACL and the extended attributes of the old one. It returns ErrInPlace, and has
// changed nothing, when the file has more than one name (hard links), is a mount point, is in a
// directory that may not be changed, or has what cannot be given to another file. The path is that
// of the file itself: a symbolic link would be replaced.
func Replace(path string, data []byte) error {
	if err := replace(path, data); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return nil
}

func replace(path string, data []byte) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if names, err := links(path, info); err != nil || names > 1 {
		return errors.Join(err, ErrInPlace)
	}
	var lost error
	temp, err := create(path, data, func(f *os.File) error {
		lost = resemble(f, path, info)
		return lost
	})
	if lost != nil {
		return errors.Join(ErrInPlace, lost)
	}
	if err == nil {
		err = put(temp, path)
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EROFS) {
		return errors.Join(ErrInPlace, err)
	}
	return err
}

// resemble gives a new file what an existing one has beside its content.
func resemble(f *os.File, path string, info fs.FileInfo) error {
	if err := copyOwner(f, info); err != nil {
		return err
	}
	if err := f.Chmod(info.Mode()); err != nil {
		return err
	}
	return copyAttributes(f, path)
}

// Overwrite replaces the content of an existing file, which stays the same file. It is not atomic:
// others may read a part of it, and after a crash the file may begin with the new content and go on
// with the old one. When it fails, what was there before is written back.
func Overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening a file to write it in place: %w", err)
	}
	if err := errors.Join(overwrite(f, path, data), f.Close()); err != nil {
		return fmt.Errorf("writing %s in place: %w", path, err)
	}
	return nil
}

func overwrite(f *os.File, path string, data []byte) error {
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := fill(f, data); err != nil {
		return errors.Join(err, fill(f, before))
	}
	return nil
}

// fill writes data over the content of a file, and syncs it.
func fill(f *os.File, data []byte) error {
	if _, err := f.WriteAt(data, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		return err
	}
	return f.Sync()
}
