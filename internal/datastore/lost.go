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
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// ErrLost says that a store that was there is gone, or lacks its last writes.
var ErrLost = errors.New("the store is lost")

// ErrForeign says that there is another store in the place of the one that was there.
var ErrForeign = errors.New("the store is another's")

// LostError is why a store is not opened: nothing is damaged, but it is not the one that was there.
type LostError struct {
	// Err is ErrLost or ErrForeign.
	Err error
	// Path of the store.
	Path string
	// Missing says what is wrong with it.
	Missing string
	// Found is what shows that; nil when Missing says all.
	Found []string
}

// Error implements error.
func (e *LostError) Error() string {
	text := fmt.Sprintf("%s: %s: %s", e.Path, e.Err, e.Missing)
	if len(e.Found) > 0 {
		text += ", although there is " + strings.Join(e.Found, ", ")
	}
	return text
}

// Unwrap gives ErrLost or ErrForeign.
func (e *LostError) Unwrap() error { return e.Err }

// evidence lists what shows that there was a store at path.
func evidence(path string, more []string) ([]string, error) {
	var found []string
	if _, err := os.Lstat(renewPath(path)); err == nil {
		return nil, nil // the user wants a new one in spite of all
	}
	if _, there := readRecord(path); there {
		found = append(found, "the record "+recordPath(path))
	}
	backups, err := Backups(path)
	if err != nil {
		return nil, err
	}
	if len(backups) > 0 {
		found = append(found, fmt.Sprintf("a backup of %s", backups[0].Taken.Local().Format(time.DateTime)))
	}
	return append(found, more...), nil
}

// refuseWithoutFile is refuseNew where the store's file is gone or empty. Then its log is evidence,
// too; where there is a file, SQLite has read both.
func refuseWithoutFile(path, missing string, more []string) error {
	if info, err := os.Stat(path + logSuffix); err == nil && info.Size() > 0 {
		more = append([]string{"the write-ahead log " + path + logSuffix}, more...)
	}
	return refuseNew(path, missing, more)
}

// refuseNew returns an error unless a store that is not at path was never there.
func refuseNew(path, missing string, more []string) error {
	found, err := evidence(path, more)
	if err != nil || len(found) == 0 {
		return err
	}
	return &LostError{Err: ErrLost, Path: path, Missing: missing, Found: found}
}

// compare returns an error unless the database is the store that the record beside it speaks of.
func compare(ctx context.Context, path string, db *sql.DB, more []string) error {
	if present, err := hasTable(ctx, db, "kine"); err != nil {
		return err
	} else if !present {
		return refuseNew(path, "it is an empty database", more)
	}
	record, found := readRecord(path)
	if !found || record.Lineage == "" {
		return nil
	}
	lineage, err := readInfo(ctx, db, infoLineage)
	if err != nil {
		return err
	}
	if lineage != record.Lineage {
		return &LostError{Err: ErrForeign, Path: path, Missing: fmt.Sprintf("it has the lineage %q, not %q", lineage, record.Lineage)}
	}
	revision, err := lastRevision(ctx, db)
	if err != nil {
		return err
	}
	if revision < record.Revision {
		missing := fmt.Sprintf("it ends with revision %d and had revision %d", revision, record.Revision)
		return &LostError{Err: ErrLost, Path: path, Missing: missing}
	}
	return nil
}

// checkLog refuses a store whose write-ahead log was emptied: there was one as long as the store
// was served. Where the log is not there at all, another program may have opened the store, and
// merged the log into its file as SQLite does: then opened is what checkMerged looks for, else "".
func checkLog(path string) (opened string, err error) {
	opened, err = servingSince(path)
	if err != nil || opened == "" {
		return "", err
	}
	present := false
	for _, suffix := range companions {
		switch info, err := os.Stat(path + suffix); {
		case err == nil && suffix == logSuffix && info.Size() > 0:
			return "", nil
		case err == nil:
			present = true
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("looking at the store: %w", err)
		}
	}
	if present {
		return "", lostLog(path)
	}
	return opened, nil
}

// checkMerged refuses a store that lacks the first write of a log that is gone, the time of
// opening.
func checkMerged(ctx context.Context, path string, db *sql.DB, opened string) error {
	if opened == "" {
		return nil
	}
	found, err := readInfo(ctx, db, infoOpened)
	if err != nil || found == opened {
		return err
	}
	return lostLog(path)
}

func lostLog(path string) error {
	missing := "it was not closed, and its write-ahead log " + path + logSuffix + " is empty or gone"
	return &LostError{Err: ErrLost, Path: path, Missing: missing}
}

// renewPath is the file that lets the next Open make a new store whatever there is.
func renewPath(path string) string { return path + ".renew" }

// Renew sets the store at path aside, which must not be open, and lets the next Open make a new
// one. Backups stay. It returns where the old store is; nowhere when there was none.
func Renew(path string, now time.Time) (aside string, err error) {
	if err := atomicfile.Write(renewPath(path), nil, 0o600); err != nil {
		return "", err
	}
	old := path + asideInfix + now.UTC().Format(asideLayout)
	aside = old
	moved, err := setAside(path, aside)
	if err != nil {
		return "", err
	}
	if !moved {
		aside = ""
	}
	return aside, errors.Join(clearWay(path, old), unmark(path), atomicfile.Remove(path+restoringSuffix), atomicfile.Remove(recordPath(path)))
}
