// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// used makes a store with a key and a backup of it, and closes it.
func used(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	put(t, etcd(t, store), "/key", "value")
	mustBackUp(t, store, noon)
	mustClose(t, store)
	return path
}

func mustRemove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
}

func mustCopy(t *testing.T, to, from string) {
	t.Helper()
	if err := copyFile(to, from); err != nil {
		t.Fatal(err)
	}
}

func mustTruncate(t *testing.T, name string, size int64) {
	t.Helper()
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
}

// TestLostStore: a store that is gone, emptied or replaced is never taken for a new one. Restoring
// helps, and keeps nobody else out.
func TestLostStore(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(t *testing.T, path string)
		want error
	}{
		"removed":                    {func(t *testing.T, path string) { mustRemove(t, path) }, ErrLost},
		"emptied":                    {func(t *testing.T, path string) { mustTruncate(t, path, 0) }, ErrLost},
		"removed, record only left":  {func(t *testing.T, path string) { mustRemove(t, path, backupDir(path)) }, ErrLost},
		"removed, backups only left": {func(t *testing.T, path string) { mustRemove(t, path, recordPath(path)) }, ErrLost},
		"replaced by an empty database": {func(t *testing.T, path string) {
			mustRemove(t, path)
			emptyDatabase(t, path)
		}, ErrLost},
		"replaced by another's": {func(t *testing.T, path string) { mustCopy(t, path, used(t)) }, ErrForeign},
		"replaced by one of an older version": {func(t *testing.T, path string) {
			exec(t, path, "DROP TABLE "+infoTable)
		}, ErrForeign},
		"put back as it was before": {func(t *testing.T, path string) {
			older := filepath.Join(t.TempDir(), "older.db")
			mustCopy(t, older, path)
			store := open(t, path)
			put(t, etcd(t, store), "/later", "value")
			mustClose(t, store)
			mustCopy(t, path, older)
		}, ErrLost},
	} {
		t.Run(name, func(t *testing.T) {
			path := used(t)
			c.lose(t, path)
			for range 2 {
				if _, err := Open(path); !errors.Is(err, c.want) || !strings.Contains(err.Error(), path) {
					t.Fatalf("opening it ended with %v", err)
				}
			}
			if name == "removed, record only left" {
				return
			}
			if _, err := Restore(path, backupsOf(t, path)[0], noon); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if got := valueOf(t, path, "/key"); got != "value" {
					t.Errorf("restored %q", got)
				}
			}
		})
	}
}

// TestLostLog: the write-ahead log of a killed daemon holds its last writes.
func TestLostLog(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string, last frame){
		"removed": func(t *testing.T, path string, _ frame) { mustRemove(t, path+"-wal", path+"-shm") },
		"emptied": func(t *testing.T, path string, _ frame) {
			mustRemove(t, path+"-shm")
			mustTruncate(t, path+"-wal", 0)
		},
		"cut": func(t *testing.T, path string, last frame) { mustTruncate(t, path+"-wal", last.end-1) },
		"partly overwritten": func(t *testing.T, path string, last frame) {
			data, err := os.ReadFile(path + "-wal")
			if err != nil {
				t.Fatal(err)
			}
			clear(data[last.offset:])
			if err := os.WriteFile(path+"-wal", data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			killWriter(t, path, 5)
			last, err := lastFrame(path)
			if err != nil || last.end == 0 {
				t.Fatalf("the log's index says %+v, %v", last, err)
			}
			lose(t, path, last)
			if _, err := Open(path); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "-wal") {
				t.Errorf("opening it ended with %v", err)
			}
		})
	}
}

// TestMergedLog: a program that looks into the store of a killed daemon merges the log into the
// store when it ends. Nothing is lost then.
func TestMergedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	keys := killWriter(t, path, 5)
	if rows, err := BadRows(t.Context(), path, nil); err != nil || len(rows) > 0 {
		t.Fatalf("looking at it: %v, %v", rows, err)
	}
	if _, err := os.Stat(path + logSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the log is still there: %v", err)
	}
	store := open(t, path)
	defer mustClose(t, store)
	for _, key := range keys {
		if value, _ := get(t, etcd(t, store), key); value == "" {
			t.Errorf("%s is gone", key)
		}
	}
}

// TestTruncatedStore was closed in order, so that its pages are not read at the next start.
func TestTruncatedStore(t *testing.T) {
	path := damage(t, 0, nil)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	mustTruncate(t, path, info.Size()-4096)
	if _, err := Open(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("opening it ended with %v", err)
	}
}

func TestEvidence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	_, err := OpenWith(path, Options{Evidence: []string{"the directory of the instance rd"}})
	if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "the directory of the instance rd") {
		t.Errorf("a store was made anew in spite of evidence: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was left: %v", err)
	}
}

// TestRenew begins anew where the user wants that, once.
func TestRenew(t *testing.T) {
	path := used(t)
	mustTruncate(t, path, 0)
	aside, err := Renew(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Errorf("the old store is gone: %v", err)
	}
	if got := valueOf(t, path, "/key"); got != "" {
		t.Errorf("the new store has %q", got)
	}
	if len(backupsOf(t, path)) != 1 {
		t.Error("the backup of the old store is gone")
	}
	mustRemove(t, path)
	if _, err := Open(path); !errors.Is(err, ErrLost) {
		t.Errorf("the new store was lost, and that was not told: %v", err)
	}
}

// TestRecord is rewritten when it is lost or damaged: the store knows who it is.
func TestRecord(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"garbage": func(path string) error { return os.WriteFile(path, []byte("{garbage"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			path := used(t)
			before, _ := readRecord(path)
			if err := damage(recordPath(path)); err != nil {
				t.Fatal(err)
			}
			mustClose(t, open(t, path))
			if after, ok := readRecord(path); !ok || after != before || after.Lineage == "" {
				t.Errorf("the record is %+v, was %+v", after, before)
			}
		})
	}
}

// TestUpgrade opens a store of a version that kept no lineage.
func TestUpgrade(t *testing.T) {
	path := used(t)
	exec(t, path, "DROP TABLE "+infoTable)
	mustRemove(t, recordPath(path))
	if got := valueOf(t, path, "/key"); got != "value" {
		t.Errorf("found %q", got)
	}
	if record, ok := readRecord(path); !ok || record.Lineage == "" {
		t.Errorf("the record is %+v", record)
	}
}

// TestDiscardInterrupted after each of its steps leaves nothing that the next start would take for
// evidence.
func TestDiscardInterrupted(t *testing.T) {
	path := used(t)
	if err := os.Rename(path, path+discardedSuffix); err != nil {
		t.Fatal(err)
	}
	store, err := OpenWith(path, Options{Evidence: []string{"what the caller knows"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := get(t, etcd(t, store), "/key"); got != "" {
		t.Errorf("the new store has %q", got)
	}
	mustClose(t, store)
	if found := backupsOf(t, path); len(found) != 0 {
		t.Errorf("backups of the discarded store were left: %v", found)
	}
	mustRemove(t, path)
	if err := Discard(path); err != nil { // of a store that is lost
		t.Fatal(err)
	}
	mustClose(t, open(t, path))
}

// TestBackupsOfALostStore are not pushed out by those of a store with far fewer objects, nor by
// another's.
func TestBackupsOfALostStore(t *testing.T) {
	var all []Backup
	for i := range 10 { // newest first
		all = append(all, Backup{Path: fmt.Sprint(i), Taken: noon.Add(-hours(i)), Lineage: "a", Objects: 10})
	}
	for i := range 4 {
		all[i].Objects = 4
	}
	if remove := surplus(all); len(remove) != 4 || remove[0].Path != "3" || remove[1].Path != "7" {
		t.Errorf("of poor and rich ones, %v are surplus", remove)
	}
	for i := range 4 {
		all[i].Objects, all[i].Lineage = 10, "b"
	}
	if remove := surplus(all); len(remove) != 4 || remove[0].Path != "3" || remove[1].Path != "7" {
		t.Errorf("of two lineages, %v are surplus", remove)
	}
	for i := range all {
		all[i].Objects, all[i].Lineage = 10-i, "" // growing, and from before there were lineages
	}
	if remove := surplus(all); len(remove) != 7 {
		t.Errorf("of a growing store, %v are surplus", remove)
	}
}
