// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rancherdesktop.io/rdd/internal/datastore/room"
)

// smallFileSystem mounts a file system of its own, of so many bytes.
func smallFileSystem(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("mounting a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all room of a file system; the function it returns gives it back.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestFullFileSystem: on a full disk a create fails with the reason, at once; deletes still work;
// with room made, all works again.
func TestFullFileSystem(t *testing.T) {
	dir := smallFileSystem(t, 256<<20)
	path := filepath.Join(dir, "store.db")
	store := open(t, path)
	defer mustClose(t, store)
	client := etcd(t, store)
	for i := range 20 {
		put(t, client, fmt.Sprintf("/kept-%d", i), strings.Repeat("v", 2000))
	}
	if err := store.room.Tend(); err != nil {
		t.Fatal(err)
	}
	empty := fill(t, dir)
	for i := range 4 {
		key := fmt.Sprintf("/lost-%d", i)
		if err := create(t.Context(), client, key, strings.Repeat("v", 5000)); err == nil || !strings.Contains(err.Error(), "no room") {
			t.Errorf("a create on a full disk ended with %v", err)
		}
		if value, _ := get(t, client, key); value != "" {
			t.Errorf("%s was stored although it failed", key)
		}
	}
	for i := range 20 {
		key := fmt.Sprintf("/kept-%d", i)
		_, revision := get(t, client, key)
		revision, err := update(t.Context(), client, key, strings.Repeat("w", 2100), revision) // as a finalizer's removal is
		if err != nil {
			t.Fatalf("updating %s on a full disk: %v", key, err)
		}
		if _, err := remove(t.Context(), client, key, revision); err != nil {
			t.Errorf("deleting %s on a full disk: %v", key, err)
		}
		if _, at := get(t, client, key); at != 0 {
			t.Errorf("%s is there after its delete was acknowledged", key)
		}
	}
	empty()
	put(t, client, "/after", "value")
}

// TestNoBackupWithoutRoom leaves nothing behind that would take the last of the room.
func TestNoBackupWithoutRoom(t *testing.T) {
	dir := smallFileSystem(t, 80<<20)
	path := filepath.Join(dir, "store.db")
	store := open(t, path)
	defer mustClose(t, store)
	put(t, etcd(t, store), "/key", "value")
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var short *room.ShortError
	if err := store.Backup(t.Context(), noon); !errors.As(err, &short) {
		t.Errorf("backing up ended with %v", err)
	}
	if entries, err := os.ReadDir(backupDir(path)); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
