// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

const (
	// infoTable of ours in the store's file, beside kine's. It is in every copy of the store.
	infoTable = "rdd_store"
	// infoLineage is the row with the lineage: a name that a store gets when it is made, and keeps.
	infoLineage = "lineage"
	// infoOpened is the row with the time when the store was opened last.
	infoOpened = "opened"
	// infoRetried is the row that is written to find out whether a failure has passed.
	infoRetried = "retried"
)

// record is what a file beside the store says about it. With the store gone it still says that
// there was one.
type record struct {
	Lineage string `json:"lineage"`
	// Revision that the store had at least.
	Revision int64 `json:"revision"`
}

func recordPath(path string) string { return path + ".lineage" }

// readRecord reads the record of the store at path; found says whether there is one, which may be
// damaged and empty.
func readRecord(path string) (r record, found bool) {
	info, err := os.Lstat(recordPath(path))
	if err != nil {
		return record{}, !errors.Is(err, os.ErrNotExist)
	}
	if !info.Mode().IsRegular() {
		return record{}, true
	}
	data, err := os.ReadFile(recordPath(path))
	if err != nil || json.Unmarshal(data, &r) != nil {
		return record{}, true
	}
	return r, true
}

func (r record) write(path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return atomicfile.Write(recordPath(path), data, 0o600)
}

// queryer is a database or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// hasTable reports whether a database has a table.
func hasTable(ctx context.Context, db queryer, name string) (bool, error) {
	var count int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", name).Scan(&count)
	return count > 0, err
}

// readInfo returns a row of our table; "" when there is none.
func readInfo(ctx context.Context, db queryer, name string) (value string, err error) {
	if present, err := hasTable(ctx, db, infoTable); err != nil || !present {
		return "", err
	}
	err = db.QueryRowContext(ctx, "SELECT value FROM "+infoTable+" WHERE name = ?", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func writeInfo(ctx context.Context, db *sql.DB, name, value string) error {
	const table = "CREATE TABLE IF NOT EXISTS " + infoTable + " (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
	if _, err := db.ExecContext(ctx, table); err != nil {
		return err
	}
	const row = "INSERT INTO " + infoTable + " VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
	_, err := db.ExecContext(ctx, row, name, value)
	return err
}

// lastRevision is the highest that a store has given out, also when that row is compacted.
func lastRevision(ctx context.Context, db queryer) (revision int64, err error) {
	if present, err := hasTable(ctx, db, "kine"); err != nil || !present {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'kine'").Scan(&revision)
	return revision, err
}

// identify gives an open store its lineage, if it has none, and notes in the store and beside it
// that it is used. The write to the store sees to it that the write-ahead log is not empty as long
// as the store is open.
func (s *Store) identify(ctx context.Context) (err error) {
	if s.lineage, err = readInfo(ctx, s.db, infoLineage); err != nil {
		return fmt.Errorf("reading the lineage: %w", err)
	}
	if s.lineage == "" {
		s.lineage = rand.Text()
		if err := writeInfo(ctx, s.db, infoLineage, s.lineage); err != nil {
			return fmt.Errorf("writing the lineage: %w", err)
		}
	}
	opened := time.Now().UTC().Format(time.RFC3339Nano)
	if err := writeInfo(ctx, s.db, infoOpened, opened); err != nil {
		return fmt.Errorf("writing the time of opening: %w", err)
	}
	if err := s.writeRecord(ctx); err != nil {
		return err
	}
	if err := atomicfile.Remove(renewPath(s.path)); err != nil {
		return err
	}
	return markServing(s.path, opened)
}

// writeRecord writes the record beside the store, if it has changed.
func (s *Store) writeRecord(ctx context.Context) error {
	revision, err := lastRevision(ctx, s.db)
	if err != nil {
		return fmt.Errorf("reading the revision: %w", err)
	}
	present := record{Lineage: s.lineage, Revision: revision}
	if old, found := readRecord(s.path); found && old == present {
		return nil
	}
	return present.write(s.path)
}
