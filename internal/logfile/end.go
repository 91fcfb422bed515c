// SPDX-License-Identifier: Apache-2.0

package logfile

import (
	"errors"
	"io/fs"

	"rancherdesktop.io/rdd/internal/textfile"
)

// End returns the last limit bytes of a log, as textfile.End does. When it has just been rotated,
// what is missing is taken from the old log. A missing log is fs.ErrNotExist.
func End(path string, limit int64) (string, error) {
	end, err := textfile.End(path, limit)
	if err != nil || int64(len(end)) >= limit {
		return end, err
	}
	before, err := textfile.End(Old(path), limit-int64(len(end)))
	if errors.Is(err, fs.ErrNotExist) {
		return end, nil
	}
	return before + end, err
}
