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
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := fmt.Sprintf("store-%s-r%d.db", now.UTC().Format(stampLayout), revision)
	if err := s.copyTo(ctx, filepath.Join(dir, name)); err != nil {
		return err
	}
	return prune(ctx, s.path, s.lineage)
}

// copyTo makes a copy that appears under its name only when it is whole and sound. A part of one is
// removed.
func (s *Store) copyTo(ctx context.Context, path string) error {
	size, err := s.size(ctx)
	if err != nil {
		return err
	}
	if err := s.room.Admit(size); err != nil {
		return err
	}
	part := filepath.Join(filepath.Dir(path), newSuffix)
	if err := s.copyPart(ctx, part); err != nil {
		return errors.Join(err, atomicfile.Remove(part))
	}
	return atomicfile.Rename(part, path)
}

func (s *Store) copyPart(ctx context.Context, part string) error {
	if err := atomicfile.Remove(part); err != nil {
		return err
	}
	if err := atomicfile.Write(part, nil, 0o600); err != nil { // SQLite knows no modes; it accepts an empty file
		return err
	}
	if _, err := s.db.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return err
	}
	if err := probe(part, true); err != nil {
		return err
	}
	return atomicfile.Sync(part)
}

// size of the store, without free pages, in bytes.
func (s *Store) size(ctx context.Context) (size int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()`).Scan(&size)
	return size, err
}

// prune removes surplus backups of the store at path. One that cannot be read is left alone, and
// counts for nothing.
func prune(ctx context.Context, path, lineage string) error {
	present, err := Backups(path)
	if err != nil {
		return err
	}
	var readable []Backup
	for _, b := range present {
		if err := b.describe(ctx); err != nil {
			continue
		}
		if b.Lineage == "" {
			b.Lineage = lineage
		}
		readable = append(readable, b)
	}
	for _, b := range surplus(readable) {
		err = errors.Join(err, atomicfile.Remove(b.Path))
	}
	return err
}

// countSQL counts objects of the kinds that users and controllers make. What every server makes for
// itself is no loss.
const countSQL = `SELECT count(*) FROM kine WHERE id IN (SELECT max(id) FROM kine GROUP BY name) AND deleted = 0
	AND (name LIKE '%.rancherdesktop.io/%' OR name LIKE '/registry/configmaps/%' OR name LIKE '/registry/secrets/%')`

// describe reads what a backup says of itself.
func (b *Backup) describe(ctx context.Context) (err error) {
	db, err := sql.Open(driverName, readOnlyName(b.Path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if b.Lineage, err = readInfo(ctx, db, infoLineage); err != nil {
		return err
	}
	return db.QueryRowContext(ctx, countSQL).Scan(&b.Objects)
}

// surplus returns those of the backups, the newest first, that are not worth keeping. For each only
// those newer ones count that could take its place: of the same lineage, with at least half as many
// objects.
func surplus(backups []Backup) []Backup {
	var remove []Backup
	for i, b := range backups {
		newer, days := 0, map[string]bool{}
		for _, other := range backups[:i] {
			if other.Lineage == b.Lineage && 2*other.Objects >= b.Objects {
				newer++
				days[other.day()] = true
			}
		}
		lastOfDay := !days[b.day()] && len(days) < daysKept
		if newer >= newestKept && !lastOfDay {
			remove = append(remove, b)
		}
	}
	return remove
}

func (b *Backup) day() string { return b.Taken.UTC().Format(time.DateOnly) }

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
