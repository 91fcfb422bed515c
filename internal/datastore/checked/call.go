// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"database/sql"
)

// call is what the log did for one request of the backend above it.
type call struct {
	// appended is whether there was an append at all; a store whose log is not ours never says so.
	appended bool
	// revision and err of the last append.
	revision int64
	err      error
}

type callKey struct{}

func withCall(ctx context.Context) (context.Context, *call) {
	c := &call{}
	return context.WithValue(ctx, callKey{}, c), c
}

// record keeps the result of an append for the request it belongs to.
func record(ctx context.Context, revision int64, err error) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.appended, c.revision, c.err = true, revision, err
	}
}

// reading is the result set that one list of the log reads.
type reading struct{ rows *sql.Rows }

type readingKey struct{}

func withReading(ctx context.Context) (context.Context, *reading) {
	r := &reading{}
	return context.WithValue(ctx, readingKey{}, r), r
}

// keep remembers a result set for the list that reads it.
func keep(ctx context.Context, rows *sql.Rows, err error) (*sql.Rows, error) {
	if r, ok := ctx.Value(readingKey{}).(*reading); ok && err == nil {
		r.rows = rows
	}
	return rows, err
}

// err is why the result set ended before its end; kine 0.17.5 takes what it got until then for all.
func (r *reading) err() error {
	if r.rows == nil {
		return nil
	}
	return r.rows.Err()
}
