// SPDX-License-Identifier: Apache-2.0

package flock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// On Linux the locks are open file description locks (fcntl_locking(2)): like those of flock(2)
// they belong to the open file and are inherited with it, but whether one is held can be asked
// without taking it, so that looking never gets in the way of someone who wants it.

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
