// SPDX-License-Identifier: Apache-2.0

package flock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes an open file description lock (fcntl_locking(2)) or returns ErrLocked. Like a lock
// of flock(2) it belongs to the open file and is inherited with it. But whether it is held can be
// asked without taking it, so a Held never makes a Try fail at the same time.
func lockFile(f *os.File) error {
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", f.Name(), err)
	}
	return nil
}

// probe returns ErrLocked when someone else holds the lock.
func probe(f *os.File) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		return fmt.Errorf("looking at the lock %s: %w", f.Name(), err)
	}
	if lock.Type != unix.F_UNLCK {
		return ErrLocked
	}
	return nil
}
