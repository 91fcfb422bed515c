// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

const (
	// asideInfix is between the name of a store and the time at which it was set aside.
	asideInfix = ".before-"
	// asideKept stores that were set aside last are kept, and all younger than asideAge.
	asideKept = 3
	asideAge  = 30 * 24 * time.Hour
)

// asides lists the stores that were set aside from path, the newest first. A backup's fields say
// what is known of each.
func asides(path string) ([]Backup, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("looking for stores that were set aside: %w", err)
	}
	var found []Backup
	for _, entry := range entries {
		stamp, ok := strings.CutPrefix(entry.Name(), filepath.Base(path)+asideInfix)
		taken, err := time.Parse(asideLayout, stamp)
		if ok && err == nil && entry.Type().IsRegular() {
			found = append(found, Backup{Path: filepath.Join(filepath.Dir(path), entry.Name()), Taken: taken})
		}
	}
	slices.SortFunc(found, func(a, b Backup) int { return cmp.Or(b.Taken.Compare(a.Taken), cmp.Compare(a.Path, b.Path)) })
	return found, nil
}

// pruneAside removes stores that were set aside long ago, and returns their paths. One is kept as
// long as no backup and no later one of its lineage has about what it has.
func pruneAside(ctx context.Context, path string, now time.Time) (removed []string, err error) {
	present, err := asides(path)
	if err != nil || len(present) <= asideKept {
		return nil, err
	}
	others, err := Backups(path)
	if err != nil {
		return nil, err
	}
	others = append(others, present[:asideKept]...)
	for i := range others {
		if others[i].describe(ctx) != nil {
			others[i].Objects = -1 // nothing is known of it
		}
	}
	for _, b := range present[asideKept:] {
		if now.Sub(b.Taken) < asideAge || b.describe(ctx) == nil && !replaceable(b, others) {
			others = append(others, b)
			continue
		}
		for _, suffix := range append(slices.Clone(companions), "") {
			err = errors.Join(err, atomicfile.Remove(b.Path+suffix))
		}
		removed = append(removed, b.Path)
	}
	return removed, err
}

// replaceable reports whether one of the others has about what a store has.
func replaceable(b Backup, others []Backup) bool {
	return b.Objects == 0 || slices.ContainsFunc(others, func(other Backup) bool { return other.couldReplace(b) })
}

// tidy removes what was set aside long ago, and tells it.
func (s *Store) tidy(ctx context.Context, now time.Time) error {
	removed, err := pruneAside(ctx, s.path, now)
	for _, path := range removed {
		if s.options.Removed != nil {
			s.options.Removed(path)
		}
	}
	return err
}
