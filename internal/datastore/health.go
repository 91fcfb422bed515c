// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/datastore/room"
)

// Primary result codes of SQLite (https://www.sqlite.org/rescode.html).
const (
	codeBusy     = 5
	codeLocked   = 6
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// Health is what can be said about a running store.
type Health struct {
	// Free space around the store, in bytes; -1 where it cannot be known.
	Free int64 `json:"free"`
	// Reserve is the free space, in bytes, below which nothing is created.
	Reserve int64 `json:"reserve"`
	// Short is whether creates are refused for want of room. Updates and deletes are tried.
	Short bool `json:"short"`
	// Failure is the last failure; nil when a write has succeeded since. The store tries one of its
	// own every few seconds.
	Failure *Failure `json:"failure,omitempty"`
	// Bad rows that the last Verify has found.
	Bad []BadRow `json:"bad,omitempty"`
}

// Failure of the store.
type Failure struct {
	// Cause is one of the causes of package checked.
	Cause   checked.Cause `json:"cause"`
	Message string        `json:"message"`
	// Since is the first of Count failures with this cause without a write that succeeded between
	// them.
	Since time.Time `json:"since"`
	Count int       `json:"count"`
}

// Health says how the store is.
func (s *Store) Health() Health {
	h := Health{Free: -1, Reserve: s.room.Reserve()}
	h.Failure, h.Bad = s.health.last()
	if free, ok := s.room.Free(); ok {
		h.Free, h.Short = free, free < h.Reserve
	}
	return h
}

type health struct {
	mu      sync.Mutex
	failure *Failure
	bad     []BadRow
}

func (h *health) last() (*Failure, []BadRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		return nil, h.bad
	}
	failure := *h.failure
	return &failure, h.bad
}

// found replaces the bad rows that are known.
func (h *health) found(bad []BadRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bad = bad
}

// failed notes a failure and reports whether it is the first of its kind.
func (h *health) failed(err *checked.Error, now time.Time) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil || h.failure.Cause != err.Cause {
		h.failure, first = &Failure{Cause: err.Cause, Since: now}, true
	}
	h.failure.Message = err.Error()
	h.failure.Count++
	return first
}

func (h *health) succeeded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure = nil
}

// failed reports the first of a row of failures.
func (s *Store) failed(err *checked.Error) {
	if err.Cause == checked.CauseDamaged {
		s.damaged.Store(true)
	}
	if s.health.failed(err, time.Now()) && s.options.Report != nil {
		s.options.Report(err)
	}
}

// explain names the cause of an error of SQLite, and says what its text leaves out.
func (s *Store) explain(err error) (checked.Cause, error) {
	var short *room.ShortError
	if errors.As(err, &short) {
		return checked.CauseFull, err
	}
	switch codeOf(err) {
	case codeFull:
		return checked.CauseFull, fmt.Errorf("no room is left in %s: %w", filepath.Dir(s.path), err)
	case codeBusy, codeLocked:
		return checked.CauseLocked, fmt.Errorf("another process holds the lock of %s: %w", s.path, err)
	case codeCorrupt, codeNotADB:
		return checked.CauseDamaged, err
	case codeIO, codeCantOpen, codeReadOnly:
		// SQLite calls a quota that is used up an I/O error.
		switch cause := s.room.Writable(); {
		case room.Missing(cause):
			return checked.CauseFull, fmt.Errorf("no room is left in %s: %w (%w)", filepath.Dir(s.path), cause, err)
		case cause != nil:
			return checked.CauseIO, fmt.Errorf("%w (%w)", err, cause)
		}
		return checked.CauseIO, err
	}
	return checked.CauseFailed, err
}

// tend looks after the ballast and the record until ctx ends.
func (s *Store) tend(ctx context.Context) {
	ticker := time.NewTicker(tendInterval)
	defer ticker.Stop()
	if s.options.Eager {
		_ = s.room.Tend() // an error that lasts is reported below
	}
	reported := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := errors.Join(s.room.Tend(), s.writeRecord(ctx))
		s.retry(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !reported && s.options.Report != nil {
			s.options.Report(err)
		}
		reported = err != nil
	}
}

// retry finds out whether a failure has passed: without it an idle store would keep its last one
// for hours.
func (s *Store) retry(ctx context.Context) {
	if failure, _ := s.health.last(); failure == nil {
		return
	}
	if err := writeInfo(ctx, s.db, infoRetried, time.Now().UTC().Format(time.RFC3339Nano)); err == nil {
		s.health.succeeded() // a failure goes on being told as it is
	}
}
