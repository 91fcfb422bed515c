// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rancherdesktop.io/rdd/internal/textfile"
)

// End returns the last limit bytes of a log, as textfile.End does. When it has just been rotated,
// what is missing is taken from the old log. A missing log is fs.ErrNotExist.
func End(path string, limit int64) (string, error) { return end(path, limit, textfile.End) }

// EndLines returns what End does, without a line that the limit cuts off at its beginning.
func EndLines(path string, limit int64) (string, error) {
	return end(path, limit, func(path string, limit int64) (string, error) { return textfile.LinesSince(path, 0, limit) })
}

func end(path string, limit int64, read func(path string, limit int64) (string, error)) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("reading the end of a log: %w", err)
	}
	last, err := read(path, limit)
	if err != nil || info.Size() >= limit {
		return last, err
	}
	before, err := read(Old(path), limit-info.Size())
	if errors.Is(err, fs.ErrNotExist) {
		return last, nil
	}
	return before + last, err
}
