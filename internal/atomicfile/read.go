// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// NotRegularError says that something else is in the place of a file: a directory, a FIFO, a
// device.
type NotRegularError struct {
	Path string
	Mode fs.FileMode
}

// Error implements error.
func (e *NotRegularError) Error() string {
	what := "no regular file"
	switch {
	case e.Mode.IsDir():
		what = "a directory"
	case e.Mode&fs.ModeNamedPipe != 0:
		what = "a FIFO"
	case e.Mode&fs.ModeSocket != 0:
		what = "a socket"
	}
	return fmt.Sprintf("%s is %s, not a file; move it away", e.Path, what)
}

// Open opens a regular file. It never blocks: what is no regular file is a *NotRegularError, where
// os.OpenFile would wait for the other end of a FIFO.
func Open(path string, flag int, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flag|nonblocking, mode)
	if err != nil {
		return nil, refine(path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &NotRegularError{Path: path, Mode: info.Mode()}
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// refine names what is in the way when that is why a file cannot be opened: opening a FIFO for
// writing fails, and so does opening a socket or, for writing, a directory.
func refine(path string, err error) error {
	if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
		return &NotRegularError{Path: path, Mode: info.Mode()}
	}
	return err
}

// Read reads a regular file, as Open opens it. A missing one is fs.ErrNotExist.
func Read(path string) ([]byte, error) {
	f, err := Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}
