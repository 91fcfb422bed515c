// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rancherdesktop.io/rdd/test/filecalls"
)

// storeLife in the environment makes this test binary a process that lives through the life of a
// store in the directory it names, below a layer of file calls.
const storeLife = "RDD_TEST_STORE_LIFE"

// Notes of what has begun and what was acknowledged. The first two are followed by a key and, after
// a space, its value; "" when it is deleted.
const (
	noteTried      = "tried "
	noteDone       = "done "
	noteBackedUp   = "backed up"
	noteRestoring  = "restoring"
	noteRestored   = "restored"
	noteDiscarding = "discarding"
	noteDiscarded  = "discarded"
)

// life of a store.
type life struct {
	dir, path string
	store     *Store
	client    *clientv3.Client
	at        map[string]int64 // revisions
}

func (l *life) note(text string) error {
	return os.WriteFile(filepath.Join(l.dir, filecalls.NoteFile), []byte(text), 0o600)
}

func live(dir string) error {
	l := &life{dir: dir, path: filepath.Join(dir, "store.db"), at: map[string]int64{}}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"first use", l.using(func(ctx context.Context) error {
			if err := l.writes(ctx, "a"); err != nil {
				return err
			}
			return errors.Join(l.backUp(ctx), l.writes(ctx, "b"))
		})},
		{"second use", l.using(func(ctx context.Context) error { return l.writes(ctx, "c") })},
		{"quarantine", l.quarantine},
		{"restore", l.restore},
		{"third use", l.using(func(ctx context.Context) error { return l.writes(ctx, "d") })},
		{"discard", l.discard},
		{"new store", l.using(func(ctx context.Context) error { return l.writes(ctx, "e") })},
	} {
		if err := step.do(context.Background()); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// using opens the store for do, and closes it.
func (l *life) using(do func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		if l.store, err = Open(l.path); err != nil {
			return err
		}
		if l.client, err = connect(l.store); err != nil {
			return err
		}
		return errors.Join(do(ctx), l.client.Close(), l.store.Close())
	}
}

// writes creates keys, changes some and deletes some, and merges the log in between.
func (l *life) writes(ctx context.Context, prefix string) error {
	var errs []error
	for i := range 3 {
		key := fmt.Sprintf("/%s-%d", prefix, i)
		errs = append(errs, l.write(key, "created", func() (int64, error) {
			return commit(l.client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", 0)).Then(clientv3.OpPut(key, "created")))
		}))
		if i == 1 {
			long := strings.Repeat("long", 2000)
			errs = append(errs, l.write(key, long, func() (int64, error) { return update(ctx, l.client, key, long, l.at[key]) }))
			_, err := l.store.db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
			errs = append(errs, err)
		}
		if i == 2 {
			errs = append(errs, l.write(key, "", func() (int64, error) { return remove(ctx, l.client, key, l.at[key]) }))
		}
	}
	return errors.Join(errs...)
}

func (l *life) write(key, value string, do func() (int64, error)) error {
	if err := l.note(noteTried + key + " " + value); err != nil {
		return err
	}
	at, err := do()
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	l.at[key] = at
	return l.note(noteDone + key + " " + value)
}

func (l *life) backUp(ctx context.Context) error {
	if err := l.store.Backup(ctx, noon); err != nil {
		return err
	}
	return l.note(noteBackedUp)
}

func (l *life) discard(context.Context) error {
	if err := l.note(noteDiscarding); err != nil {
		return err
	}
	if err := Discard(l.path); err != nil {
		return err
	}
	return l.note(noteDiscarded)
}

func (l *life) quarantine(ctx context.Context) error {
	const key = "/b-0"
	return l.write(key, "", func() (int64, error) { return 0, Quarantine(ctx, l.path, key, noon) })
}

func (l *life) restore(context.Context) error {
	backups, err := Backups(l.path)
	if err != nil || len(backups) != 1 {
		return fmt.Errorf("%d backups: %w", len(backups), err)
	}
	if err := l.note(noteRestoring); err != nil {
		return err
	}
	if _, err := Restore(l.path, backups[0], noon.Add(time.Hour)); err != nil {
		return err
	}
	return l.note(noteRestored)
}
