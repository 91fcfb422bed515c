// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// CopyTruncate rotates a log that another process has open and goes on writing, such as the console
// that QEMU writes: beyond limit bytes it is copied to Old and truncated. The other process must
// have opened it for appending. What it writes in the moment between the two is lost.
//
// Of a log that has grown beyond twice the limit only the last limit bytes are copied. One that
// cannot be copied, as the disk is full, is truncated all the same, and the error says so. A
// missing log is no error.
func CopyTruncate(path string, limit int64) (rotated bool, err error) {
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("rotating a log: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	info, err := log.Stat()
	if err != nil || !info.Mode().IsRegular() || onDisk(info) <= limit {
		return false, err
	}
	err = copyEnd(log, info.Size(), path, limit)
	if truncateErr := log.Truncate(0); truncateErr != nil {
		return false, fmt.Errorf("rotating a log: %w", errors.Join(err, truncateErr))
	}
	if err != nil {
		return true, fmt.Errorf("rotating a log: its older part is lost: %w", err)
	}
	return true, nil
}

// copyEnd copies a log of that size to Old: all of it, or its end.
func copyEnd(log io.ReaderAt, size int64, path string, limit int64) (err error) {
	begin := int64(0)
	if size > 2*limit {
		begin = size - limit
	}
	temp := Old(path) + ".new"
	to, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(log, begin, size-begin))
	if err = errors.Join(err, to.Close()); err == nil {
		err = atomicfile.Rename(temp, Old(path))
	}
	if err != nil {
		return errors.Join(err, atomicfile.Remove(temp))
	}
	return nil
}
