// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/datastore/room"
)

const (
	// reserveSuffix of the file that keeps room for deletions.
	reserveSuffix = ".reserve"
	// tendInterval is how often it is looked after.
	tendInterval = 10 * time.Second
)

// ErrNoRoom says that a store cannot be opened because the disk is full, or too small for one.
var ErrNoRoom = room.ErrNone

func roomAround(path string) *room.Room { return room.ForStore(path + reserveSuffix) }

// roomForNew returns an error unless the store is there, or there is room for a new one.
func roomForNew(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.Size() > 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("looking at the store: %w", err)
	}
	return room.CheckNew(filepath.Dir(path))
}

// noRoom makes an error that wraps ErrNoRoom of one that means that the disk is full; others stay.
func noRoom(path string, err error) error {
	if err == nil || errors.Is(err, ErrNoRoom) || codeOf(err) != codeFull && !room.Missing(err) {
		return err
	}
	return fmt.Errorf("opening %s: %w in %s%s (%w); make room there, then: rdd service start",
		path, ErrNoRoom, filepath.Dir(path), freeText(path), err)
}

// freeText says how much room there is around the store, and how much is needed to open one.
func freeText(path string) string {
	free, ok := roomAround(path).Free()
	if !ok || free >= room.StoreBallast { // it is a quota that is used up
		return ""
	}
	return fmt.Sprintf(", where %d MB are free and %d MB are needed", free>>20, room.StoreBallast>>20)
}

// unwritable returns why a store cannot be read when that is the file system's fault: SQLite needs
// to write to open a store, and then reports an I/O error. Nil: the fault is in the store.
func unwritable(path string, err error) error {
	if code := codeOf(err); code != codeIO && code != codeCantOpen && code != codeReadOnly {
		return nil
	}
	switch cause := roomAround(path).Writable(); {
	case room.Missing(cause):
		return noRoom(path, cause)
	case cause != nil:
		return fmt.Errorf("opening %s: %w (%w)", path, cause, err)
	}
	return nil
}

// admit refuses a create while room is short. The daemon's own are tried: without them it does not
// start, and nothing can be deleted.
func (s *Store) admit(ctx context.Context) error {
	if checked.Own(ctx) {
		return nil
	}
	return s.room.Admit(0)
}

// makeRoom gives some of the ballast up when a write has failed for want of room.
func (s *Store) makeRoom(err error) bool {
	cause, _ := s.explain(err)
	return cause == checked.CauseFull && s.room.Release()
}
