// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// ErrBadRow says that a row of the store cannot be used, although the file is sound.
var ErrBadRow = errors.New("the store has rows that cannot be read")

// ErrNoRow says that there is no row with a key.
var ErrNoRow = errors.New("the store has no such key")

// BadRow is a row whose value is not what was written.
type BadRow struct {
	Key string `json:"key"`
	// Revision at which it was written.
	Revision int64  `json:"revision"`
	Reason   string `json:"reason"`
}

// BadRowsError names the rows that cannot be used. It wraps ErrBadRow.
type BadRowsError struct {
	Path string
	Rows []BadRow
}

// namedRows is how many rows an error names.
const namedRows = 5

// Error implements error.
func (e *BadRowsError) Error() string {
	var named []string
	for _, row := range e.Rows[:min(len(e.Rows), namedRows)] {
		named = append(named, fmt.Sprintf("%s (%s)", row.Key, row.Reason))
	}
	if more := len(e.Rows) - namedRows; more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%s: %s: %s; a backup is put in its place by: rdd service restore; "+
		"a row is set aside, and with it the object, by: rdd service repair --quarantine KEY",
		e.Path, ErrBadRow, strings.Join(named, ", "))
}

// Unwrap gives ErrBadRow.
func (e *BadRowsError) Unwrap() error { return ErrBadRow }

// currentSQL selects the last rows of the next keys. The order of the tables is SQLite's order of
// work with CROSS JOIN; left to itself it looks the keys up again for each row.
const currentSQL = `SELECT kine.id, kine.name, deleted, value
	FROM (SELECT max(id) AS id FROM kine WHERE name > ? GROUP BY name ORDER BY name LIMIT ?) AS latest
	CROSS JOIN kine ON kine.id = latest.id ORDER BY kine.name`

// verifyBatch is how many rows are read at once: a long read keeps the write-ahead log from being
// reused.
const verifyBatch = 1000

// Verify has Options.Check look at all rows that are served now, and notes for Health what it
// finds. It returns a *BadRowsError when some are bad.
func (s *Store) Verify(ctx context.Context) error {
	bad, err := badRows(ctx, s.db, s.options.Check)
	if err != nil {
		return fmt.Errorf("reading all rows of %s: %w", s.path, err)
	}
	s.health.found(bad)
	if len(bad) > 0 {
		return &BadRowsError{Path: s.path, Rows: bad}
	}
	return nil
}

// BadRows has check look at all current rows of the store at path, which may be open, as
// Store.Verify does. ErrDamaged when it cannot be read.
func BadRows(ctx context.Context, path string, check func(key string, value []byte) error) (bad []BadRow, err error) {
	if err := isFile(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("looking at the store: %w", err) // SQLite would make it
	}
	err = inspect(ctx, path, false, func(db *sql.DB) error {
		bad, err = badRows(ctx, db, check)
		return err
	})
	return bad, err
}

func badRows(ctx context.Context, db *sql.DB, check func(key string, value []byte) error) ([]BadRow, error) {
	var bad []BadRow
	for last := ""; ; {
		next, more, err := badRowsAfter(ctx, db, check, last)
		bad = append(bad, more...)
		if err != nil || next == "" {
			return bad, err
		}
		last = next
	}
}

// badRowsAfter looks at the rows after a key; last is "" after the last ones.
func badRowsAfter(
	ctx context.Context, db *sql.DB, check func(key string, value []byte) error, key string,
) (last string, bad []BadRow, err error) {
	rows, err := db.QueryContext(ctx, currentSQL, key, verifyBatch)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	count := 0
	for rows.Next() {
		var row BadRow
		var deleted bool
		var value sql.RawBytes
		if err := rows.Scan(&row.Revision, &row.Key, &deleted, &value); err != nil {
			return "", nil, err
		}
		count++
		last = row.Key
		if deleted || check == nil {
			continue
		}
		if err := check(row.Key, value); err != nil {
			row.Reason = err.Error()
			bad = append(bad, row)
		}
	}
	if count < verifyBatch {
		last = ""
	}
	return last, bad, rows.Err()
}

// KeepVerified verifies the store after a first pause and then at each interval, until ctx ends.
// What it finds is reported.
func (s *Store) KeepVerified(ctx context.Context, first, interval time.Duration, report func(error)) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := s.Verify(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		timer.Reset(interval)
	}
}

// QuarantineTable holds the rows that were set aside, all columns of kine's table and the time.
const QuarantineTable = "rdd_quarantine"

// quarantineSQL sets all rows of a key aside. In their place is a deletion, so that the store's
// revision goes on.
var quarantineSQL = []string{
	"CREATE TABLE IF NOT EXISTS " + QuarantineTable + ` (id INTEGER, name TEXT, created INTEGER, deleted INTEGER,
		create_revision INTEGER, prev_revision INTEGER, lease INTEGER, value BLOB, old_value BLOB, at TEXT)`,
	"INSERT INTO " + QuarantineTable + ` SELECT id, name, created, deleted, create_revision, prev_revision, lease, value, old_value, @at
		FROM kine WHERE name = @key`,
	`INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease)
		SELECT name, 0, 1, create_revision, id, 0 FROM kine WHERE name = @key AND deleted = 0 ORDER BY id DESC LIMIT 1`,
	"DELETE FROM kine WHERE name = @key AND id < (SELECT max(id) FROM kine WHERE name = @key)",
}

// Quarantine sets the rows of key aside in the store at path, which must not be open: they stay in
// its file, in a table of their own, and are not served any more. ErrNoRow when the key is not
// served.
func Quarantine(ctx context.Context, path, key string, now time.Time) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("setting %s in %s aside: %w", key, path, err)
		}
	}()
	if err := probe(path, false); err != nil {
		return err
	}
	db, err := sql.Open(driverName, sourceName(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	var deleted bool
	err = tx.QueryRowContext(ctx, "SELECT deleted FROM kine WHERE name = ? ORDER BY id DESC LIMIT 1", key).Scan(&deleted)
	if errors.Is(err, sql.ErrNoRows) || err == nil && deleted {
		return ErrNoRow
	}
	if err != nil {
		return err
	}
	args := []any{sql.Named("at", now.UTC().Format(time.RFC3339Nano)), sql.Named("key", key)}
	for _, statement := range quarantineSQL {
		if _, err := tx.ExecContext(ctx, statement, argsOf(statement, args)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// argsOf are those of the named arguments that a statement has.
func argsOf(statement string, args []any) []any {
	return slices.DeleteFunc(slices.Clone(args), func(arg any) bool {
		named, ok := arg.(sql.NamedArg)
		return !ok || !strings.Contains(statement, "@"+named.Name)
	})
}
