// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// ErrRestoring says that a restore was interrupted and must be done again.
var ErrRestoring = errors.New("a restore of the store was interrupted")

// companions of a store's file that SQLite keeps beside it: without its write-ahead log a store
// lacks its last writes, and with another's it is damaged.
var companions = []string{logSuffix, "-shm"}

const (
	// logSuffix of the write-ahead log.
	logSuffix = "-wal"
	// asideLayout of the time in the name of a store that was set aside, in UTC: fine enough to be
	// unique.
	asideLayout     = "20060102T150405.000000Z"
	restoringSuffix = ".restoring"
	discardedSuffix = ".discarded"
)

// Restore puts a backup in the place of the store at path, which must not be open, and sets that
// aside. It returns where the old store is; nowhere when there was none. A restore that was
// interrupted keeps the store from being opened until it is done again.
func Restore(path string, backup Backup, now time.Time) (aside string, err error) {
	restored, err := recordOf(context.Background(), backup.Path)
	if err != nil {
		return "", fmt.Errorf("the backup: %w", err)
	}
	if err := copyFile(path+newSuffix, backup.Path); err != nil {
		return "", err
	}
	if err := atomicfile.Write(path+restoringSuffix, nil, 0o600); err != nil {
		return "", err
	}
	aside = path + asideInfix + now.UTC().Format(asideLayout)
	moved, err := setAside(path, aside)
	if err != nil {
		return "", err
	}
	if err := atomicfile.Rename(path+newSuffix, path); err != nil {
		return "", fmt.Errorf("putting the backup in place: %w", err)
	}
	if err := errors.Join(clearWay(path, aside), unmark(path), restored.write(path)); err != nil {
		return "", err
	}
	if !moved {
		aside = ""
	}
	return aside, atomicfile.Remove(path + restoringSuffix)
}

// recordOf returns the record that goes with a sound copy of a store.
func recordOf(ctx context.Context, path string) (r record, err error) {
	err = inspect(ctx, path, true, func(db *sql.DB) error {
		present, err := hasTable(ctx, db, "kine")
		if err != nil {
			return err
		}
		if !present {
			return errors.New("it is an empty database")
		}
		if r.Lineage, err = readInfo(ctx, db, infoLineage); err != nil {
			return err
		}
		r.Revision, err = lastRevision(ctx, db)
		return err
	})
	return r, err
}

// setAside renames the store's files; moved is false when there were none.
func setAside(path, aside string) (moved bool, err error) {
	for _, suffix := range append([]string{""}, companions...) {
		err := atomicfile.Claim(path+suffix, aside+suffix)
		switch {
		case err == nil:
			moved = true
		case !errors.Is(err, fs.ErrNotExist):
			return moved, fmt.Errorf("setting the old store aside: %w", err)
		}
	}
	return moved, nil
}

// clearWay sets aside what is in the place of the files beside a store and is no file.
func clearWay(path, aside string) error {
	var errs []error
	for _, name := range []string{markerPath(path), recordPath(path), path + restoringSuffix, renewPath(path)} {
		if isFile(name) != nil {
			errs = append(errs, atomicfile.Claim(name, aside+strings.TrimPrefix(name, path)))
		}
	}
	return errors.Join(errs...)
}

// copyFile copies a file, for the user alone to read, makes it durable, and compares it.
func copyFile(to, from string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("copying %s: %w", from, err)
		}
	}()
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(out, io.TeeReader(in, sum))
	if err = errors.Join(err, out.Sync()); err == nil {
		err = compareSum(out, sum.Sum(nil))
	}
	return errors.Join(err, out.Close())
}

// compareSum expects a file to have a SHA-256.
func compareSum(f *os.File, want []byte) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, math.MaxInt64)); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return errIncomplete
	}
	return nil
}

// Discard removes the store at path, which must not be open, with its backups. After an
// interruption at any point there is either the whole store or none: the next Open or Discard
// removes what is left.
func Discard(path string) error {
	err := atomicfile.Rename(path, path+discardedSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		err = discarding(path)
	}
	if err != nil {
		return fmt.Errorf("removing the store: %w", err)
	}
	if err := errors.Join(removeLeftovers(path), atomicfile.Remove(renewPath(path)), atomicfile.RemoveAll(backupDir(path))); err != nil {
		return err
	}
	return atomicfile.RemoveAll(path + discardedSuffix)
}

// discarding notes that a store without a file is being removed, unless there is nothing to remove
// it from.
func discarding(path string) error {
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return atomicfile.Write(path+discardedSuffix, nil, 0o600)
}

// removeLeftovers removes what belongs to a store whose file is gone.
func removeLeftovers(path string) error {
	names := []string{markerPath(path), recordPath(path)}
	for _, suffix := range append([]string{newSuffix, restoringSuffix, reserveSuffix}, companions...) {
		names = append(names, path+suffix)
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, atomicfile.RemoveAll(name)) // whatever it is
	}
	return errors.Join(errs...)
}

// KeepBackups makes a backup after a first pause and then at each interval, until ctx ends or the
// store is found to be damaged. Other failures are reported and tried again.
func (s *Store) KeepBackups(ctx context.Context, first, interval time.Duration, report func(error)) error {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-timer.C:
			err := s.Backup(ctx, now)
			if err == nil {
				err = s.tidy(ctx, now) // what was set aside may be needed until there is a backup
			}
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, ErrDamaged):
				return err
			case err != nil:
				report(err)
			}
			timer.Reset(interval)
		}
	}
}
