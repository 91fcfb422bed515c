// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// readBack asks for rows over a connection of its own: one that has written finds what it wrote in
// its own cache.
type readBack struct {
	db *sql.DB

	mu     sync.Mutex
	conn   *sql.Conn
	stmt   *sql.Stmt
	closed bool
}

// stored reports whether key has a row at a revision.
func (r *readBack) stored(ctx context.Context, key string, revision int64) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.prepare(ctx); err != nil {
		return false, err
	}
	var count int
	if err := r.stmt.QueryRowContext(ctx, revision, key).Scan(&count); err != nil {
		r.release()
		return false, err
	}
	return count == 1, nil
}

func (r *readBack) prepare(ctx context.Context) (err error) {
	if r.closed {
		return sql.ErrConnDone
	}
	if r.stmt != nil {
		return nil
	}
	if r.conn, err = r.db.Conn(ctx); err != nil {
		return err
	}
	if r.stmt, err = r.conn.PrepareContext(ctx, "SELECT count(*) FROM kine WHERE id = ? AND name = ?"); err != nil {
		r.release()
	}
	return err
}

// release gives the connection back.
func (r *readBack) release() {
	var errs []error
	if r.stmt != nil {
		errs = append(errs, r.stmt.Close())
	}
	if r.conn != nil {
		errs = append(errs, r.conn.Close())
	}
	_ = errors.Join(errs...) // the pool looks at connections that it gets back
	r.stmt, r.conn = nil, nil
}

func (r *readBack) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.release()
	r.closed = true
}

// stored reads a row back, and notes that the store works when it is there.
func (s *Store) stored(ctx context.Context, key string, revision int64) (bool, error) {
	ok, err := s.back.stored(ctx, key, revision)
	if ok {
		s.health.succeeded()
	}
	return ok, err
}
