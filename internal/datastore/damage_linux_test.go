// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// ownSuffixes are all files of a store, beside its backups; "" is the store's file.
var ownSuffixes = []string{"", "-wal", "-shm", ".open", ".lineage", reserveSuffix}

// damages of a file.
var damages = map[string]func(name string) error{
	"removed":   os.RemoveAll,
	"emptied":   func(name string) error { return os.WriteFile(name, nil, 0o600) },
	"garbage":   func(name string) error { return os.WriteFile(name, []byte(strings.Repeat("garbage ", 2000)), 0o600) },
	"a FIFO":    func(name string) error { return replace(name, func() error { return unix.Mkfifo(name, 0o600) }) },
	"directory": func(name string) error { return replace(name, func() error { return os.Mkdir(name, 0o700) }) },
	"truncated": func(name string) error {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		return os.Truncate(name, info.Size()/2)
	},
}

func replace(name string, by func() error) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return by()
}

// TestDamagedFiles damages each file of a store that was killed or closed, in each way. It opens
// with all that was in it, or an error names the file; and whatever there is, Discard ends and a
// new store can be made.
func TestDamagedFiles(t *testing.T) {
	for _, killed := range []bool{false, true} {
		for _, suffix := range ownSuffixes {
			for name, damage := range damages {
				how := "closed"
				if killed {
					how = "killed"
				}
				t.Run(how+", store.db"+suffix+", "+name, func(t *testing.T) { damagedFile(t, killed, suffix, damage) })
			}
		}
	}
}

func damagedFile(t *testing.T, killed bool, suffix string, damage func(string) error) {
	path := filepath.Join(t.TempDir(), "store.db")
	key := "/key"
	if killed {
		key = killWriter(t, path, 1)[0]
	} else {
		store := open(t, path)
		put(t, etcd(t, store), key, "value")
		mustClose(t, store)
	}
	if err := os.WriteFile(path+reserveSuffix, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path + suffix); err != nil {
		t.Skip("there is no such file")
	}
	if err := damage(path + suffix); err != nil {
		t.Fatal(err)
	}
	switch store, err := Open(path); {
	case err == nil:
		if value, _ := get(t, etcd(t, store), key); value != "value" {
			t.Errorf("it opened without %s", key)
		}
		_ = store.Close() // what is in the way of the marker or the record is an error
	case !strings.Contains(err.Error(), path):
		t.Errorf("the error names no file: %v", err)
	}
	if err := Discard(path); err != nil {
		t.Fatalf("discarding it: %v", err)
	}
	mustClose(t, open(t, path))
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == "store.db" }) {
		t.Errorf("the new store left %v, %v", entries, err)
	}
}
