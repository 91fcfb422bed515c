// SPDX-License-Identifier: Apache-2.0

// Package logfile keeps logs from growing without limit. One old log is kept beside each, and
// replaced when the log is rotated again.
//
// A log is rotated in one of two ways. What this process writes goes to a new file after the log
// was renamed: Stream for a standard stream, Writer for one that checks its size by itself. A log
// that another process writes, which goes on writing to the same file, is copied and truncated:
// CopyTruncate.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/regular"
)

// Old returns the path to which a log is rotated.
func Old(path string) string { return path + ".1" }

// Rotate renames a log that is larger than limit bytes to Old. It returns an error when something
// else is at that path.
func Rotate(path string, limit int64) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= limit {
		return nil // a log that somebody removed comes back with the next start
	}
	if err := atomicfile.Rename(path, Old(path)); err != nil {
		return fmt.Errorf("setting the old log aside: %w", err)
	}
	return nil
}

// Open opens a log for appending, and creates it if need be. A log that is larger than limit bytes
// is rotated first, if that is possible: whoever writes it tries again.
func Open(path string, limit int64) (*os.File, error) {
	_ = Rotate(path, limit) // a log that goes on growing is better than none
	f, err := open(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the instance's directories are missing: %w", err)
	}
	return f, err
}

// Renew opens a log for a new start of the process that writes it: it is empty, and there is no old
// one.
func Renew(path string) (*os.File, error) {
	if err := atomicfile.Remove(Old(path)); err != nil {
		return nil, fmt.Errorf("beginning a new log: %w", err)
	}
	return open(path, os.O_TRUNC)
}

// open opens a log for appending. On a full disk, where no log can be made, it is the null device:
// the process is needed, possibly to make room.
func open(path string, flags int) (*os.File, error) {
	f, err := regular.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND|flags, 0o600)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	return f, err
}

// Stream rotates a log that is larger than limit bytes and that a standard stream of this process
// goes to, os.Stdout or os.Stderr, and makes the stream go to the new log. rotated is false when
// there was no need.
func Stream(stream *os.File, path string, limit int64) (rotated bool, err error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= limit {
		return false, nil // a log that was removed is created by the next start
	}
	if err := Rotate(path, limit); err != nil {
		return false, err
	}
	log, err := Open(path, limit)
	if err != nil {
		return false, fmt.Errorf("beginning a new log: %w", err)
	}
	if err := errors.Join(process.Redirect(stream, log), log.Close()); err != nil {
		return false, fmt.Errorf("beginning a new log: %w", err)
	}
	return true, nil
}
