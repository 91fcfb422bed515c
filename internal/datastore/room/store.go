// SPDX-License-Identifier: Apache-2.0

package room

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Sizes around the store, in bytes.
const (
	// reserve of free space below which nothing is created. What lives in the store grows by
	// kilobytes; the rest is for the updates by which things are stopped and deleted.
	reserve = 64 << 20
	// StoreBallast is the size of the file that is given up when others have filled the disk: twice
	// what the write-ahead log grows to before it is written back.
	StoreBallast = 8 << 20
	// StoreLast is the part of it that is given up only to a write that has failed. A guest whose disk
	// is on the same file system takes what is given up before; it is paused when there is no more,
	// and that is to be reported.
	StoreLast = 2 << 20
	// newBytes and newFiles must be free for a new store. With less it would refuse all creates from
	// the beginning.
	newBytes, newFiles = reserve + StoreBallast, 64
)

// ErrNone says that the disk is full, or too small for a store.
var ErrNone = errors.New("no room is left")

// ForStore watches the space around a store. ballast is the name of the file that is given up.
func ForStore(ballast string) *Room {
	return New(ballast, Options{Reserve: reserve, Ballast: StoreBallast, Last: StoreLast})
}

// CheckNew returns an error unless there is room for a new store in a directory, which must exist:
// one that wraps ErrNone, or the system's own where the directory cannot be written to.
func CheckNew(dir string) error {
	err := ForStore(filepath.Join(dir, "ballast")).Begin(newBytes, newFiles)
	var small *TooSmallError
	switch {
	case errors.As(err, &small):
		return fmt.Errorf("making a store: %w: %w; make room there, then: rdd service start", ErrNone, err)
	case Missing(err):
		return fmt.Errorf("making a store: %w in %s (%w); make room there, then: rdd service start", ErrNone, dir, err)
	case err != nil:
		return fmt.Errorf("making a store in %s: %w", dir, err)
	}
	return nil
}
