// SPDX-License-Identifier: Apache-2.0

// Package flock holds advisory file locks that end with the process, however it ends. A lock is an
// identity: whoever holds a daemon's or hostagent's lock is it. No PID has to be trusted for that.
//
// A lock is close-on-exec: a child gets it only when its open file is handed down on purpose
// (Lock.File, Inherit), and then holds it until its own end.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrLocked is returned by Try when another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// pollInterval of Wait: flock(2) cannot wait for a lock and a context at once.
const pollInterval = 50 * time.Millisecond

// Lock is a held lock. It is released by Unlock, and by the end of the process.
type Lock struct{ file *os.File }

// Try takes the lock on path, creating the file with mode 0600. It returns ErrLocked when another
// open file holds it, be it one of this process.
func Try(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening lock file: %w", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Lock{file: f}, nil
}

// Wait takes the lock on path. It waits for a holder until ctx ends, and returns ctx's error then.
// Who waits longest need not be the next.
func Wait(ctx context.Context, path string) (*Lock, error) {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		lock, err := Try(path)
		if !errors.Is(err, ErrLocked) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lock %s: %w", path, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Held reports whether some process, this one included, holds the lock on path. It never creates
// the file: a lock whose file is missing is not held.
func Held(path string) (bool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening lock file: %w", err)
	}
	err = probe(f)
	closeErr := f.Close()
	if errors.Is(err, ErrLocked) {
		return true, closeErr
	}
	return false, errors.Join(err, closeErr)
}

// File is the lock as an open file. A process that inherits it shares the lock, which is held until
// all who share it have closed it or ended. Do not close it; use Unlock.
func (l *Lock) File() *os.File { return l.file }

// Inherit takes over the lock on path that the parent process handed down as descriptor fd, and
// keeps further children from inheriting it. It fails when fd is not path's file, and with
// ErrLocked when somebody else holds the lock.
func Inherit(fd uintptr, path string) (*Lock, error) {
	if err := closeOnExec(fd); err != nil {
		return nil, fmt.Errorf("taking over lock %s: %w", path, err)
	}
	f := os.NewFile(fd, path)
	if f == nil {
		return nil, fmt.Errorf("taking over lock %s: descriptor %d is not valid", path, fd)
	}
	if err := sameFile(f, path); err != nil {
		return nil, fmt.Errorf("taking over lock %s: %w", path, err)
	}
	// Locking again what this open file has locked succeeds.
	if err := lockFile(f); err != nil {
		return nil, fmt.Errorf("taking over lock %s: %w", path, err)
	}
	return &Lock{file: f}, nil
}

// sameFile guards against a descriptor that is open for something else: locking that would protect
// nothing.
func sameFile(f *os.File, path string) error {
	have, err := f.Stat()
	if err != nil {
		return err
	}
	want, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(have, want) {
		return errors.New("the descriptor is another file's")
	}
	return nil
}

// Current reports whether the path still names the locked file. It does not when the file was
// removed, alone or with its directory, or was replaced by one that somebody else can lock. A
// daemon whose lock is not current is no longer the one that others find.
func (l *Lock) Current() (bool, error) {
	have, err := l.file.Stat()
	if err != nil {
		return false, fmt.Errorf("looking at a lock: %w", err)
	}
	want, err := os.Stat(l.file.Name())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at a lock: %w", err)
	}
	return os.SameFile(have, want), nil
}

// Unlock releases the lock, unless a child process that inherited it lives. The file stays:
// removing it would let two processes lock different files of one name.
func (l *Lock) Unlock() error { return l.file.Close() }
