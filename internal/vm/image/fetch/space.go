// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// spaceMargin is how much must be left free beside the image, in bytes: a machine that starts needs
// as much.
const spaceMargin = 256 << 20

// noSpace is the error for need more bytes that cannot be written below the directory of a fetch.
func noSpace(dir string, need, free int64) error {
	dir = filepath.Dir(dir)
	if free >= need {
		return &vm.HostError{
			Missing: fmt.Sprintf("disk space: the image may not be written to %s, although %s are free", dir, image.Megabytes(free)),
			Hint:    "raise the quota or the limit on the size of files (ulimit -f)",
		}
	}
	return &vm.HostError{
		Missing: fmt.Sprintf("disk space: the image needs %s more in %s, %s are free", image.Megabytes(need), dir, image.Megabytes(free)),
		Hint:    "free some space there (rdd image prune), or set XDG_CACHE_HOME to a directory that has it",
	}
}

// isFull reports whether a write failed for lack of space: on the disk, by a quota, or by a limit
// on file sizes.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// enough returns a *vm.HostError when fewer than need bytes can be written below dir.
func (f *Fetcher) enough(dir string, need int64) error {
	free, err := f.freeSpace(dir)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", dir, err)
	}
	if free < need+spaceMargin {
		return noSpace(dir, need+spaceMargin, free)
	}
	return nil
}

// checkSpace returns a *vm.HostError when there is no room for need more bytes of the download.
func (d *download) checkSpace(need int64) error { return d.enough(d.dir, need) }

// full is the error after a write failed for lack of space.
func (d *download) full(need int64) error {
	free, err := d.freeSpace(d.dir)
	if err != nil {
		free = 0
	}
	return noSpace(d.dir, max(need, 0)+spaceMargin, free)
}
