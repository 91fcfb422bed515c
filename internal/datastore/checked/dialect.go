// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/k3s-io/kine/pkg/server"
)

// NewDialect wraps the dialect of a database for the log that NewLog wraps.
func NewDialect(inner server.Dialect) server.Dialect { return dialect{inner} }

type dialect struct{ server.Dialect }

// ListCurrent implements server.Dialect.
func (d dialect) ListCurrent(ctx context.Context, key, end string, limit int64, deleted, keysOnly bool) (*sql.Rows, error) {
	rows, err := d.Dialect.ListCurrent(ctx, key, end, limit, deleted, keysOnly)
	return keep(ctx, rows, err)
}

// List implements server.Dialect.
func (d dialect) List(ctx context.Context, key, end string, limit, revision int64, deleted, keysOnly bool) (*sql.Rows, error) {
	rows, err := d.Dialect.List(ctx, key, end, limit, revision, deleted, keysOnly)
	return keep(ctx, rows, err)
}

// After implements server.Dialect.
func (d dialect) After(ctx context.Context, key, end string, revision, limit int64) (*sql.Rows, error) {
	rows, err := d.Dialect.After(ctx, key, end, revision, limit)
	return keep(ctx, rows, err)
}

// BeginTx implements server.Dialect.
func (d dialect) BeginTx(ctx context.Context, opts *sql.TxOptions) (server.Transaction, error) {
	tx, err := d.Dialect.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return transaction{tx}, nil
}

// transaction does not end the process when it fails, as kine's does in a compaction.
type transaction struct{ server.Transaction }

// compactionFailed is thrown by MustCommit, which returns nothing, and caught by the log's Compact.
type compactionFailed struct{ err error }

// MustCommit implements server.Transaction.
func (t transaction) MustCommit() {
	if err := t.Commit(); err != nil {
		panic(compactionFailed{err})
	}
}

// MustRollback implements server.Transaction. After an error by which SQLite itself has rolled back
// there is nothing left to do; database/sql gives up a connection that is in another state.
func (t transaction) MustRollback() { _ = t.Rollback() }

// caught turns a commit that failed into an error.
func caught(err *error) {
	switch thrown := recover().(type) {
	case nil:
	case compactionFailed:
		*err = errors.Join(*err, fmt.Errorf("committing a compaction: %w", thrown.err))
	default:
		panic(thrown)
	}
}
