// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

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
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM kine").Scan(&b.last); err != nil {
		return err
	}
	return db.QueryRowContext(ctx, countSQL).Scan(&b.Objects)
}

// couldReplace reports whether a backup could take the place of another: it is of the same lineage,
// with at least half as many objects.
func (b Backup) couldReplace(other Backup) bool {
	return b.Lineage == other.Lineage && 2*b.Objects >= other.Objects
}

// surplus returns those of the backups, the newest first, that are not worth keeping. For each only
// those newer ones count that could take its place.
func surplus(backups []Backup) []Backup {
	var remove []Backup
	for i, b := range backups {
		newer, days := 0, map[string]bool{}
		for _, other := range backups[:i] {
			if other.couldReplace(b) {
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
