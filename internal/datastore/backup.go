// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

const (
	// newestKept backups, and beside them the last one of each of daysKept days.
	newestKept = 3
	daysKept   = 7
	// stampLayout of the time in a backup's name, in UTC.
	stampLayout = "20060102T150405Z"
	// newSuffix of a file that is being made.
	newSuffix = ".new"
)

var backupName = regexp.MustCompile(`^store-(\d{8}T\d{6}Z)-r(\d+)\.db$`)

// Backup is a copy of a store at one revision.
type Backup struct {
	Path  string    `json:"path"`
	Taken time.Time `json:"taken"`
	// Revision of the store: a higher one is later.
	Revision int64 `json:"revision"`
	// Size in bytes.
	Size int64 `json:"size"`
	// Lineage of the store; "" when it had none.
	Lineage string `json:"-"`
	// Objects that users and controllers had made.
	Objects int `json:"-"`
	// last revision in the copy itself.
	last int64
}

// backupDir holds the backups of the store at path.
func backupDir(path string) string { return filepath.Join(filepath.Dir(path), "backups") }

// Backups lists the backups of the store at path, the newest first.
func Backups(path string) ([]Backup, error) {
	entries, err := os.ReadDir(backupDir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for backups: %w", err)
	}
	var found []Backup
	for _, entry := range entries {
		b, ok := parseBackup(entry.Name())
		if !ok {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, fmt.Errorf("looking for backups: %w", err)
		}
		b.Path, b.Size = filepath.Join(backupDir(path), entry.Name()), info.Size()
		found = append(found, b)
	}
	slices.SortFunc(found, func(a, b Backup) int { return b.Taken.Compare(a.Taken) })
	return found, nil
}

func parseBackup(name string) (b Backup, ok bool) {
	parts := backupName.FindStringSubmatch(name)
	if parts == nil {
		return b, false
	}
	var timeErr, revisionErr error
	b.Taken, timeErr = time.Parse(stampLayout, parts[1])
	b.Revision, revisionErr = strconv.ParseInt(parts[2], 10, 64)
	return b, timeErr == nil && revisionErr == nil
}

// Backup copies the store as it is at one moment, while it is used, and removes backups that are
// not worth keeping any more. A store that has not changed since the last backup is not copied
// again, nor one with bad rows (ErrBadRow). ErrDamaged when the store turns out to be.
func (s *Store) Backup(ctx context.Context, now time.Time) error {
	err := s.backUp(ctx, now)
	if err == nil {
		return nil
	}
	if verdict := quickCheck(ctx, s.db); verdict != nil && ctx.Err() == nil {
		s.damaged.Store(true)
		return fmt.Errorf("%s: %w (%w)", s.path, ErrDamaged, verdict)
	}
	if codeOf(err) != 0 {
		_, err = s.explain(err)
	}
	return fmt.Errorf("backing the store up: %w", err)
}

func (s *Store) backUp(ctx context.Context, now time.Time) error {
	var revision int64
	if err := s.db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM kine").Scan(&revision); err != nil {
		return err
	}
	present, err := Backups(s.path)
	if err != nil {
		return err
	}
	if len(present) > 0 && present[0].Revision == revision {
		return nil
	}
	if len(present) > 0 && !now.Truncate(time.Second).After(present[0].Taken) {
		now = present[0].Taken.Add(time.Second) // the clock was set back; the last one stays the newest
	}
	if err := s.Verify(ctx); err != nil {
		return err // it must not take the place of a good one
	}
	dir := backupDir(s.path)
	if err := atomicfile.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("store-%s-r%d.db", now.UTC().Format(stampLayout), revision)
	if err := s.copyTo(ctx, filepath.Join(dir, name), revision); err != nil {
		return err
	}
	return prune(ctx, s.path, s.lineage)
}

// copyTo makes a copy, with the rows up to a revision at least, that appears under its name only
// when it is whole and sound. A part of one is removed.
func (s *Store) copyTo(ctx context.Context, path string, revision int64) error {
	size, err := s.size(ctx)
	if err != nil {
		return err
	}
	if err := s.room.Admit(size); err != nil {
		return err
	}
	part := filepath.Join(filepath.Dir(path), newSuffix)
	if err := s.copyPart(ctx, part, revision); err != nil {
		return errors.Join(err, atomicfile.Remove(part))
	}
	return atomicfile.Rename(part, path)
}

func (s *Store) copyPart(ctx context.Context, part string, revision int64) error {
	if err := errors.Join(atomicfile.Remove(part), atomicfile.Remove(part+"-journal")); err != nil {
		return err
	}
	if err := atomicfile.Write(part, nil, 0o600); err != nil { // SQLite knows no modes; it accepts an empty file
		return err
	}
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return err
	}
	if err := s.checkCopy(ctx, part, revision); err != nil {
		return err
	}
	return atomicfile.Sync(part)
}

// errIncomplete says that a copy lacks what is in the store.
var errIncomplete = errors.New("the copy is not complete")

// checkCopy expects a copy to be sound, and to have the rows up to a revision.
func (s *Store) checkCopy(ctx context.Context, part string, revision int64) error {
	if err := probe(part, true); err != nil {
		return err
	}
	copied := Backup{Path: part}
	if err := copied.describe(ctx); err != nil {
		return fmt.Errorf("%w: %w", errIncomplete, err)
	}
	if copied.last < revision || copied.Lineage != s.lineage {
		return fmt.Errorf("%w: it ends with revision %d of %d", errIncomplete, copied.last, revision)
	}
	return nil
}

// size of the store, without free pages, in bytes.
func (s *Store) size(ctx context.Context) (size int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()`).Scan(&size)
	return size, err
}

// quickCheck returns nil when all pages are consistent.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	return nil
}
