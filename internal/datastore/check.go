// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// ErrDamaged says that the store's content cannot be trusted.
var ErrDamaged = errors.New("the store is damaged")

// ErrNoFile says that a file of the store is something else, a directory or a FIFO.
var ErrNoFile = errors.New("it is no regular file")

// servingPrefix is in the marker while the store is served, before the time of opening that is in
// the store as well.
const servingPrefix = "serving since "

// markerPath is the file that exists while the store is open.
func markerPath(path string) string { return path + ".open" }

func mark(path string) error { return atomicfile.Write(markerPath(path), nil, 0o600) }

// markServing says that there is a write-ahead log with something in it, the time of opening at
// least.
func markServing(path, opened string) error {
	return atomicfile.Write(markerPath(path), []byte(servingPrefix+opened+"\n"), 0o600)
}

// servingSince returns the time of opening of a store that was served and not closed; "" when it
// was closed.
func servingSince(path string) (opened string, err error) {
	marker, err := os.ReadFile(markerPath(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking at the store: %w", err)
	}
	opened, serving := strings.CutPrefix(strings.TrimSuffix(string(marker), "\n"), servingPrefix)
	if !serving {
		return "", nil
	}
	return opened, nil
}

func unmark(path string) error { return atomicfile.Remove(markerPath(path)) }

// check refuses a file that is no store, or not the store that was there, and, after an unclean
// stop, one whose pages are inconsistent. More is what the caller knows of a store that was there.
func check(ctx context.Context, path string, more []string) error {
	for _, name := range []string{path, path + "-wal", path + "-shm", markerPath(path), recordPath(path)} {
		if err := isFile(name); err != nil {
			return err
		}
	}
	switch _, err := os.Stat(path + restoringSuffix); {
	case err == nil:
		return fmt.Errorf("%s: %w", path, ErrRestoring)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("looking at the store: %w", err)
	}
	if _, err := os.Lstat(path + discardedSuffix); err == nil {
		if err := Discard(path); err != nil { // it was interrupted
			return err
		}
		more = nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := refuseWithoutFile(path, "there is no such file", more); err != nil {
			return err
		}
		return removeLeftovers(path)
	case err != nil:
		return fmt.Errorf("looking at the store: %w", err)
	case info.Size() == 0:
		return refuseWithoutFile(path, "the file is empty", more)
	}
	return checkContent(ctx, path, more)
}

// isFile returns an error when there is something that is no file: opening a FIFO, say, would not
// end.
func isFile(name string) error {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("looking at the store: %s: %w", name, ErrNoFile)
	}
	return nil // who needs the file tells why it cannot be read
}

func checkContent(ctx context.Context, path string, more []string) error {
	opened, err := checkLog(path)
	if err != nil {
		return err
	}
	if err := checkLogEnd(path); err != nil {
		return err
	}
	_, err = os.Stat(markerPath(path))
	return inspect(ctx, path, err == nil, func(db *sql.DB) error {
		if err := checkMerged(ctx, path, db, opened); err != nil {
			return err
		}
		return compare(ctx, path, db, more)
	})
}

// probe looks whether a file is a sound database.
func probe(path string, thorough bool) error {
	return inspect(context.Background(), path, thorough, func(*sql.DB) error { return nil })
}

// inspect reads the schema and, when asked to be thorough, every page; then it lets do look at what
// is there. Kine would retry a file that cannot be opened for minutes instead of saying so.
// ErrDamaged when it cannot be read.
func inspect(ctx context.Context, path string, thorough bool, do func(*sql.DB) error) (err error) {
	damaged := func(err error) error {
		if err == nil {
			return nil
		}
		if code := codeOf(err); code == codeFull || code == codeBusy || code == codeLocked || ctx.Err() != nil {
			return fmt.Errorf("looking at %s: %w", path, err)
		}
		if cause := unwritable(path, err); cause != nil {
			return cause
		}
		return fmt.Errorf("%s: %w (%w)", path, ErrDamaged, err)
	}
	db, err := sql.Open(driverName, sourceName(path))
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return damaged(err)
	}
	if thorough {
		if err := quickCheck(ctx, db); err != nil {
			return damaged(err)
		}
	}
	err = do(db)
	var lost *LostError
	if errors.As(err, &lost) {
		return err
	}
	return damaged(err)
}
