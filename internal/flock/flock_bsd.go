// SPDX-License-Identifier: Apache-2.0

//go:build !windows && !linux

package flock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes a lock of flock(2) or returns ErrLocked.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return nil
}

// probe takes the lock for a moment, as flock(2) has no way to ask: its caller closes the file.
func probe(f *os.File) error { return lockFile(f) }
