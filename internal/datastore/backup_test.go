// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func mustBackUp(t *testing.T, store *Store, at time.Time) {
	t.Helper()
	if err := store.Backup(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

func backupsOf(t *testing.T, path string) []Backup {
	t.Helper()
	found, err := Backups(path)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func valueOf(t *testing.T, path, key string) string {
	t.Helper()
	store := open(t, path)
	defer mustClose(t, store)
	response, err := etcd(t, store).Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Kvs) == 0 {
		return ""
	}
	return string(response.Kvs[0].Value)
}

func TestSurplus(t *testing.T) {
	var all []Backup
	for hours := range 24 * 12 {
		all = append(all, Backup{Taken: noon.Add(-time.Duration(hours) * time.Hour), Revision: int64(1000 - hours)})
	}
	remove := surplus(all)
	var kept []string
	for _, b := range all {
		if !slices.Contains(remove, b) {
			kept = append(kept, b.Taken.Format("02T15"))
		}
	}
	// Noon of the 2nd and the two hours before, and the last hour of the six days before.
	want := []string{"02T12", "02T11", "02T10", "01T23", "31T23", "30T23", "29T23", "28T23", "27T23"}
	if !slices.Equal(kept, want) {
		t.Errorf("kept %v, want %v", kept, want)
	}
	if got := surplus(all[:newestKept]); got != nil {
		t.Errorf("of few, %v are surplus", got)
	}
}

func TestParseBackup(t *testing.T) {
	if b, ok := parseBackup("store-20260102T120000Z-r17.db"); !ok || !b.Taken.Equal(noon) || b.Revision != 17 {
		t.Errorf("parsed %+v, %t", b, ok)
	}
	for _, name := range []string{
		"", ".new", "store-20260102T120000Z-r17.db-wal", "store-20261302T120000Z-r17.db", "store-20260102T120000Z-r.db",
		"store-20260102T120000Z-r99999999999999999999.db",
	} {
		if b, ok := parseBackup(name); ok {
			t.Errorf("%q is %+v", name, b)
		}
	}
}

func TestBackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	defer mustClose(t, store)
	client := etcd(t, store)
	put(t, client, "/key-0", "value")
	mustBackUp(t, store, noon)
	mustBackUp(t, store, noon.Add(time.Hour)) // nothing has changed
	if found := backupsOf(t, path); len(found) != 1 || !found[0].Taken.Equal(noon) || found[0].Size == 0 {
		t.Fatalf("found %+v", found)
	}
	for i := range 5 {
		put(t, client, fmt.Sprintf("/key-%d", i+1), "value")
		mustBackUp(t, store, noon.Add(time.Duration(i+1)*time.Minute))
	}
	found := backupsOf(t, path)
	if len(found) != newestKept || !found[0].Taken.Equal(noon.Add(5*time.Minute)) {
		t.Errorf("kept %+v", found)
	}
	for _, b := range found {
		if info, err := os.Stat(b.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the backup %s: %v, %v", b.Path, info, err)
		}
	}
}

// TestBackupWhileWriting restores a backup that was made in the middle of writes: it holds a prefix
// of them, without a gap.
func TestBackupWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	client := etcd(t, store)
	const writes = 300
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := range writes {
			if err := create(t.Context(), client, fmt.Sprintf("/key-%04d", i), "value"); err != nil {
				done <- err
				return
			}
			if i == writes/10 {
				close(began)
			}
		}
		done <- nil
	}()
	select {
	case <-began:
	case err := <-done:
		t.Fatalf("the writes ended too soon: %v", err)
	}
	mustBackUp(t, store, noon)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	mustClose(t, store)
	if _, err := Restore(path, backupsOf(t, path)[0], noon); err != nil {
		t.Fatal(err)
	}
	store = open(t, path)
	defer mustClose(t, store)
	client = etcd(t, store)
	kept := 0
	for i := range writes {
		response, err := client.Get(t.Context(), fmt.Sprintf("/key-%04d", i))
		if err != nil {
			t.Fatal(err)
		}
		if len(response.Kvs) == 1 && kept == i {
			kept++
		} else if len(response.Kvs) == 1 {
			t.Errorf("key %d is there, key %d is not", i, kept)
		}
	}
	if kept <= writes/10 {
		t.Errorf("only %d of the writes before the backup are in it", kept)
	}
	put(t, client, "/after", "value")
	t.Logf("the backup has %d of %d writes", kept, writes)
}

func TestRestoreDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	put(t, etcd(t, store), "/key", "value")
	mustBackUp(t, store, noon)
	mustClose(t, store)
	garbage := []byte("this is no database at all")
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrDamaged) {
		t.Fatalf("opened garbage: %v", err)
	}
	aside, err := Restore(path, backupsOf(t, path)[0], noon)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(aside); err != nil || string(data) != string(garbage) {
		t.Errorf("the old store was not set aside: %q, %v", data, err)
	}
	if got := valueOf(t, path, "/key"); got != "value" {
		t.Errorf("restored %q", got)
	}
}

// TestRestoreInterrupted leaves each of the states that an interrupted restore can leave: none can
// be opened as if nothing had happened, and each is put right by restoring again.
func TestRestoreInterrupted(t *testing.T) {
	for _, present := range []struct{ store, log, copied bool }{
		{true, true, true}, {false, true, true}, {false, false, true}, {true, false, false},
	} {
		t.Run(fmt.Sprintf("%+v", present), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			store := open(t, path)
			put(t, etcd(t, store), "/key", "value")
			mustBackUp(t, store, noon)
			mustClose(t, store)
			for file, there := range map[string]bool{path: present.store, path + "-wal": present.log, path + newSuffix: present.copied} {
				if err := os.RemoveAll(file); err != nil {
					t.Fatal(err)
				}
				if there {
					if err := os.WriteFile(file, []byte("left"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := os.WriteFile(path+restoringSuffix, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); !errors.Is(err, ErrRestoring) {
				t.Fatalf("opened: %v", err)
			}
			if _, err := Restore(path, backupsOf(t, path)[0], noon); err != nil {
				t.Fatal(err)
			}
			if got := valueOf(t, path, "/key"); got != "value" {
				t.Errorf("restored %q", got)
			}
		})
	}
}

func TestRestoreNoDamagedBackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	mustClose(t, open(t, path))
	bad := filepath.Join(t.TempDir(), "bad.db")
	if err := os.WriteFile(bad, []byte("this is no database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(path, Backup{Path: bad}, noon); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), bad) {
		t.Errorf("restored a damaged backup: %v", err)
	}
	mustClose(t, open(t, path))
}

// TestBackupOfDamagedStore notices the damage under a running store, and the next open is told to
// look.
func TestBackupOfDamagedStore(t *testing.T) {
	path := damage(t, 5*4096, nil)
	store := open(t, path)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(slices.Repeat([]byte{0xa5}, 3*4096), 5*4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var reported []error
	err = store.KeepBackups(t.Context(), 0, time.Hour, func(err error) { reported = append(reported, err) })
	if !errors.Is(err, ErrDamaged) || len(reported) > 0 {
		t.Fatalf("the damage was not noticed: %v, %v", err, reported)
	}
	if found := backupsOf(t, path); len(found) != 0 {
		t.Errorf("a damaged store was backed up: %+v", found)
	}
	mustClose(t, store)
	if _, err := Open(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("the damaged store was opened again: %v", err)
	}
}

// TestKeepBackupsGoesOn after failures that may pass, here a file where the directory should be.
func TestKeepBackupsGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	defer mustClose(t, store)
	put(t, etcd(t, store), "/key", "value")
	if err := os.WriteFile(backupDir(path), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failures := 0
	err := store.KeepBackups(ctx, 0, time.Millisecond, func(err error) {
		if failures++; failures == 3 {
			cancel()
		}
	})
	if err != nil || failures != 3 {
		t.Errorf("%d failures, then %v", failures, err)
	}
}

func TestDiscard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	put(t, etcd(t, store), "/key", "value")
	mustBackUp(t, store, noon)
	mustClose(t, store)
	if err := Discard(path); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if err := Discard(path); err != nil {
		t.Errorf("discarding nothing: %v", err)
	}
	if got := valueOf(t, path, "/key"); got != "" {
		t.Errorf("the new store holds %q", got)
	}
}

// TestLogWithoutStore: the write-ahead log of a store that is gone must not become part of the next
// one.
func TestLogWithoutStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	killWriter(t, path, 20)
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("the killed writer left no log: %v", err)
	}
	if err := os.Rename(path, path+discardedSuffix); err != nil { // where Discard may be interrupted
		t.Fatal(err)
	}
	store := open(t, path)
	response, err := etcd(t, store).Get(t.Context(), "/key", clientv3.WithPrefix())
	if err != nil || response.Count != 0 {
		t.Errorf("the new store holds %d old keys: %v", response.Count, err)
	}
	mustClose(t, store)
	if _, err := os.Stat(path + discardedSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the discarded store was left: %v", err)
	}
}
