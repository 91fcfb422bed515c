// SPDX-License-Identifier: Apache-2.0

// Package regular opens and reads files that must be regular ones. Opening a FIFO waits for a
// writer, which may never come, and opening a device may do something. So a path that somebody else
// names, or may have replaced, is opened here: it never blocks, and anything but a regular file is
// refused with what it is.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// NotRegularError says that a path leads to something else than a regular file.
type NotRegularError struct {
	Path string
	// Mode is its type, as fs.FileMode.Type returns it.
	Mode fs.FileMode
}

func (e *NotRegularError) Error() string {
	return fmt.Sprintf("%s is not a regular file but %s; move it away", e.Path, e.What())
}

// What names what the path leads to: "a directory".
func (e *NotRegularError) What() string {
	switch {
	case e.Mode&fs.ModeDir != 0:
		return "a directory"
	case e.Mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case e.Mode&fs.ModeSocket != 0:
		return "a socket"
	case e.Mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}

// Open opens a regular file for reading and returns what was known of it then. It follows symbolic
// links. *NotRegularError, fs.ErrNotExist, fs.ErrPermission.
func Open(path string) (*os.File, fs.FileInfo, error) {
	// Before it is opened: that alone may have an effect on a device.
	if _, err := Stat(path); err != nil {
		return nil, nil, err
	}
	return open(path, os.O_RDONLY, 0)
}

// OpenFile is os.OpenFile of a regular file, which is created if flag says so. *NotRegularError,
// and the errors of os.OpenFile.
func OpenFile(path string, flag int, mode fs.FileMode) (*os.File, error) {
	if _, err := Stat(path); errors.As(err, new(*NotRegularError)) {
		return nil, err
	}
	f, _, err := open(path, flag, mode)
	return f, err
}

// open opens what was a regular file just now, and looks again: it may have been replaced.
func open(path string, flag int, mode fs.FileMode) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|nonBlocking, mode)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{Path: path, Mode: info.Mode().Type()}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// Stat is os.Stat of a regular file: *NotRegularError, fs.ErrNotExist.
func Stat(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{Path: path, Mode: info.Mode().Type()}
	}
	if err != nil {
		return nil, err
	}
	return info, nil
}

// ReadFile is os.ReadFile of a regular file: *NotRegularError, fs.ErrNotExist.
func ReadFile(path string) (_ []byte, err error) {
	f, _, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(f)
}
