// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// spaceMargin is how much must be left free beside the image, in bytes: a machine that starts needs
// as much.
const spaceMargin = 256 << 20

const freeSomeSpace = "free some space there (rdd image prune), or set XDG_CACHE_HOME to a directory that has it"

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
		Hint:    freeSomeSpace,
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

// checkedBytes is how much is written at most between two looks at the free space.
const checkedBytes = 16 << 20

// roomWriter ends a transfer whose size is not known before it fills the disk.
type roomWriter struct {
	*Fetcher
	dir string
	w   io.Writer
	// checked bytes may be written before the free space is looked at again.
	checked int64
}

// room wraps the writer of a file below dir: it fails with a *vm.HostError rather than use the
// margin.
func (f *Fetcher) room(dir string, w io.Writer) io.Writer {
	return &roomWriter{Fetcher: f, dir: dir, w: w}
}

// Write implements io.Writer.
func (r *roomWriter) Write(p []byte) (int, error) {
	need := int64(len(p))
	if need > r.checked {
		free, err := r.freeSpace(r.dir)
		if err != nil {
			return 0, fmt.Errorf("looking for free space in %s: %w", r.dir, err)
		}
		if free < need+spaceMargin {
			return 0, outOfRoom(r.dir, free)
		}
		r.checked = min(free-spaceMargin, checkedBytes)
	}
	n, err := r.w.Write(p)
	r.checked -= int64(n)
	return n, err
}

// outOfRoom is the error for a transfer that was ended because the disk fills.
func outOfRoom(dir string, free int64) error {
	return &vm.HostError{
		Missing: fmt.Sprintf(
			"disk space: the image was not written to its end, as only %s are free in %s", image.Megabytes(free), filepath.Dir(dir),
		),
		Hint: freeSomeSpace,
	}
}

// isOutOfRoom reports whether a write failed by the check of a roomWriter.
func isOutOfRoom(err error) bool { return errors.As(err, new(*vm.HostError)) }

// checkSpace returns a *vm.HostError when there is no room for need more bytes of the download.
func (d *download) checkSpace(need int64) error { return d.enough(d.dir, need) }

// roomError is the error of a write that a full disk, or the check before that, has ended.
func (d *download) roomError(err error) error {
	if isOutOfRoom(err) {
		return err
	}
	return d.full(0)
}

// full is the error after a write failed for lack of space.
func (d *download) full(need int64) error {
	free, err := d.freeSpace(d.dir)
	if err != nil {
		free = 0
	}
	return noSpace(d.dir, max(need, 0)+spaceMargin, free)
}
