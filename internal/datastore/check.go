// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// ErrDamaged says that the store's content cannot be trusted.
var ErrDamaged = errors.New("the store is damaged")

// markerPath is the file that exists while the store is open.
func markerPath(path string) string { return path + ".open" }

func mark(path string) error { return atomicfile.Write(markerPath(path), nil, 0o600) }

func unmark(path string) error { return atomicfile.Remove(markerPath(path)) }

// check refuses a file that is no store and, after an unclean stop, one whose pages are
// inconsistent.
func check(path string) error {
	switch _, err := os.Stat(path + restoringSuffix); {
	case err == nil:
		return fmt.Errorf("%s: %w", path, ErrRestoring)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("looking at the store: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return removeLeftovers(path)
	case err != nil:
		return fmt.Errorf("looking at the store: %w", err)
	case info.Size() == 0:
		return nil
	}
	_, err = os.Stat(markerPath(path))
	unclean := err == nil
	if err := probe(path, unclean); err != nil {
		return fmt.Errorf("%s: %w (%w)", path, ErrDamaged, err)
	}
	return nil
}

// probe reads the schema and, when asked to be thorough, every page. Kine would retry
// a file that cannot be opened for minutes instead of saying so.
func probe(path string, thorough bool) (err error) {
	db, err := sql.Open(driverName, sourceName(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if !thorough {
		return nil
	}
	return quickCheck(context.Background(), db)
}
