// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"rancherdesktop.io/rdd/internal/regular"
)

// oldLog is the log that was rotated last, beside one that is followed. Its path may be empty: then
// it never exists.
type oldLog struct {
	path string
	// known is the file that was there when it was last noted; nil: none.
	known os.FileInfo
}

// note remembers which file is there now.
func (o *oldLog) note() {
	o.known = nil
	if info, err := os.Stat(o.path); err == nil {
		o.known = info
	}
}

// open opens the old log, at its beginning; nil when there is none.
func (o *oldLog) open() (*os.File, error) {
	if o.path == "" {
		return nil, nil
	}
	file, err := regular.OpenFile(o.path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the old log: %w", err)
	}
	return file, nil
}

// printLines writes what comes before the log: all of it when wanted is negative, or else its last
// missing lines.
func (o *oldLog) printLines(out io.Writer, wanted, missing int) error {
	if wanted >= 0 && missing <= 0 {
		return nil
	}
	file, err := o.open()
	if file == nil || err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	offset := int64(0)
	if wanted >= 0 {
		if offset, _, err = lastLinesOffset(file, missing); err != nil {
			return fmt.Errorf("reading the old log: %w", err)
		}
	}
	return copyFrom(out, file, offset)
}

// printCopy writes what a log had beyond offset when it was copied to the old log and truncated.
// It writes nothing when there is no new copy, or when the copy does not begin where the log began.
func (o *oldLog) printCopy(out io.Writer, offset int64) error {
	before := o.known
	file, err := o.open()
	if file == nil || err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	o.note()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("reading the old log: %w", err)
	}
	if (before != nil && os.SameFile(before, info)) || info.Size() < offset {
		return nil
	}
	return copyFrom(out, file, offset)
}

func copyFrom(out io.Writer, file *os.File, offset int64) error {
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return fmt.Errorf("reading the old log: %w", err)
	}
	if _, err := io.Copy(out, file); err != nil {
		return fmt.Errorf("printing the old log: %w", err)
	}
	return nil
}
