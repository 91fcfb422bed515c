// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/k3s-io/kine/pkg/server"
	"google.golang.org/grpc/status"
)

// Options of New.
type Options struct {
	// Stored reads back whether key has a row at a revision. Without it the backend itself is
	// asked, after creates only.
	Stored func(ctx context.Context, key string, revision int64) (bool, error)
	// Explain names the cause of an error of the database, and may say more about it.
	Explain func(error) (Cause, error)
	// Admit refuses a create before it is tried.
	Admit func(ctx context.Context) error
	// Report gets each failure, once.
	Report func(*Error)
}

// Backend is a kine backend that answers with what happened.
type Backend struct {
	server.Backend
	options Options
}

// New wraps a backend of any database.
func New(inner server.Backend, options Options) *Backend { return &Backend{inner, options} }

// Create implements server.Backend. It returns ErrKeyExists, an *Error, or the revision at which
// the key can be read.
func (b *Backend) Create(ctx context.Context, key string, value []byte, lease int64) (int64, error) {
	doing := "creating " + key
	if b.options.Admit != nil {
		if err := b.options.Admit(ctx); err != nil {
			return 0, b.fail(doing, err)
		}
	}
	ctx, done := withCall(ctx)
	before, err := b.Backend.CurrentRevision(ctx)
	if err != nil {
		return 0, b.fail(doing, err)
	}
	revision, err := b.Backend.Create(ctx, key, value, lease)
	if done.appended {
		return b.appended(ctx, doing, key, done, revision, err)
	}
	switch {
	case errors.Is(err, server.ErrKeyExists):
		return revision, b.exists(ctx, doing, key)
	case err != nil:
		return 0, b.fail(doing, err)
	}
	revision, err = b.created(ctx, key, value, revision, before)
	if err != nil {
		return 0, b.fail(doing, err)
	}
	return revision, nil
}

// appended is the answer to a create whose log tells what it did.
func (b *Backend) appended(ctx context.Context, doing, key string, done *call, revision int64, err error) (int64, error) {
	switch {
	case done.err != nil && !errors.Is(done.err, server.ErrKeyExists):
		return 0, b.fail(doing, done.err)
	case err != nil:
		return revision, b.fail(doing, err)
	}
	// kine answers the creation of a key that was deleted with the store's revision, not the key's.
	return done.revision, b.verify(ctx, doing, key, done.revision)
}

// exists confirms that a create was refused because the key is there.
func (b *Backend) exists(ctx context.Context, doing, key string) error {
	_, found, err := b.Backend.Get(ctx, key, 0, true)
	switch {
	case err != nil:
		return b.fail(doing, err)
	case found == nil:
		return b.fail(doing, lost("the database refused it as if the key existed"))
	}
	return server.ErrKeyExists
}

// created finds the revision of a key that was created after the revision before.
func (b *Backend) created(ctx context.Context, key string, value []byte, revision, before int64) (int64, error) {
	_, found, err := b.Backend.Get(ctx, key, revision, true)
	if err != nil {
		return 0, err
	}
	if found != nil && found.ModRevision == revision {
		return revision, nil
	}
	// The revision is not the key's when the key had been deleted before.
	if _, found, err = b.Backend.Get(ctx, key, 0, true); err != nil {
		return 0, err
	}
	if found == nil || found.CreateRevision <= before {
		return 0, lost("the database does not have it")
	}
	first := found.CreateRevision
	if _, found, err = b.Backend.Get(ctx, key, first, false); err != nil {
		return 0, err
	}
	if found == nil || !bytes.Equal(found.Value, value) {
		return 0, lost("the database has another value")
	}
	return first, nil
}

// Update implements server.Backend.
func (b *Backend) Update(ctx context.Context, key string, value []byte, revision, lease int64) (int64, *server.KeyValue, bool, error) {
	doing := "updating " + key
	ctx, done := withCall(ctx)
	var got answer
	got.at, got.kv, got.ok, got.err = b.Backend.Update(ctx, key, value, revision, lease)
	if err := b.refute(ctx, doing, key, revision, got, done); err != nil {
		return 0, nil, false, err
	}
	return got.at, got.kv, got.ok, nil
}

// Delete implements server.Backend.
func (b *Backend) Delete(ctx context.Context, key string, revision int64) (int64, *server.KeyValue, bool, error) {
	doing := "deleting " + key
	ctx, done := withCall(ctx)
	var got answer
	got.at, got.kv, got.ok, got.err = b.Backend.Delete(ctx, key, revision)
	if err := b.refute(ctx, doing, key, revision, got, done); err != nil {
		return 0, nil, false, err
	}
	return got.at, got.kv, got.ok, nil
}

// answer of a backend to an update or a delete.
type answer struct {
	at  int64
	kv  *server.KeyValue
	ok  bool
	err error
}

// refute says why the answer to an update or a delete of key at revision cannot be given.
func (b *Backend) refute(ctx context.Context, doing, key string, revision int64, got answer, done *call) error {
	switch {
	case done.err != nil && !errors.Is(done.err, server.ErrKeyExists):
		return b.fail(doing, done.err)
	case got.err != nil:
		return b.fail(doing, got.err)
	case !got.ok && got.kv != nil && got.kv.ModRevision == revision:
		return b.fail(doing, lost("the database refused revision %d, which it has", revision))
	case got.ok && done.revision != 0:
		return b.verify(ctx, doing, key, got.at)
	}
	return nil
}

// verify reads a row back that the log says it has.
func (b *Backend) verify(ctx context.Context, doing, key string, revision int64) error {
	if b.options.Stored == nil {
		return nil
	}
	stored, err := b.options.Stored(ctx, key, revision)
	switch {
	case err != nil:
		return b.fail(doing+", which was written and cannot be read back", err)
	case !stored:
		return b.fail(doing, lost("the database does not have it at revision %d", revision))
	}
	return nil
}

// Get implements server.Backend.
func (b *Backend) Get(ctx context.Context, key string, revision int64, keysOnly bool) (int64, *server.KeyValue, error) {
	at, kv, err := b.Backend.Get(ctx, key, revision, keysOnly)
	return at, kv, b.fail("reading "+key, err)
}

// List implements server.Backend.
func (b *Backend) List(ctx context.Context, key, end string, limit, revision int64, keysOnly bool) (int64, []*server.KeyValue, error) {
	at, kvs, err := b.Backend.List(ctx, key, end, limit, revision, keysOnly)
	return at, kvs, b.fail("listing "+key, err)
}

// Count implements server.Backend.
func (b *Backend) Count(ctx context.Context, key, end string, revision int64) (int64, int64, error) {
	at, count, err := b.Backend.Count(ctx, key, end, revision)
	return at, count, b.fail("counting "+key, err)
}

// Compact implements server.Backend.
func (b *Backend) Compact(ctx context.Context, revision int64) (int64, error) {
	at, err := b.Backend.Compact(ctx, revision)
	return at, b.fail("compacting", err)
}

// lostError is a failure that the database did not report.
type lostError struct{ text string }

func (e *lostError) Error() string { return e.text }

func lost(format string, args ...any) error { return &lostError{fmt.Sprintf(format, args...)} }

// fail makes an *Error of an error of the database. What kine answers to the caller, and a canceled
// request, stay.
func (b *Backend) fail(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, answer := status.FromError(err); answer {
		return err
	}
	cause, err := b.explain(err)
	failure := &Error{Cause: cause, Doing: doing, Err: err}
	if b.options.Report != nil {
		b.options.Report(failure)
	}
	return failure
}

func (b *Backend) explain(err error) (Cause, error) {
	var lost *lostError
	var busy *busyError
	switch {
	case errors.As(err, &lost):
		return CauseLost, err
	case errors.As(err, &busy):
		return CauseLocked, err
	case b.options.Explain != nil:
		return b.options.Explain(err)
	}
	return CauseFailed, err
}
