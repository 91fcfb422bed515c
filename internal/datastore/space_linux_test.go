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

	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/datastore/room"
)

// remount gives a file system that smallFileSystem has mounted other options.
func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := unix.Mount("", dir, "tmpfs", unix.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}

// TestRoomForNewStore: a store that would be of no use is not begun. With room made there is one.
func TestRoomForNewStore(t *testing.T) {
	for name, c := range map[string]struct {
		flags   uintptr
		options string
		want    []string
		kind    error
	}{
		"4 MB":      {0, "size=4m", []string{"making a store: no room is left: ", "3 MB are free in DIR, and 72 MB are needed"}, ErrNoRoom},
		"64 MB":     {0, "size=64m", []string{"63 MB are free in DIR, and 72 MB are needed; make room there"}, ErrNoRoom},
		"no files":  {0, "nr_inodes=10", []string{"more files can be made in DIR, and 64 are needed"}, ErrNoRoom},
		"read-only": {unix.MS_RDONLY, "", []string{"making a store in DIR: ", "read-only file system"}, unix.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			dir := smallFileSystem(t, 256<<20)
			if err := os.WriteFile(filepath.Join(dir, "other"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			remount(t, dir, c.flags, c.options)
			path := filepath.Join(dir, "store.db")
			_, err := Open(path)
			if !errors.Is(err, c.kind) {
				t.Fatalf("opening it ended with %v", err)
			}
			text := strings.ReplaceAll(err.Error(), dir, "DIR")
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("got %q, want %q", text, want)
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("left: %v, %v", entries, err)
			}
			remount(t, dir, 0, "size=256m,nr_inodes=1000")
			store := open(t, path)
			put(t, etcd(t, store), "/key", "value")
			mustClose(t, store)
		})
	}
}

// TestNoRoomToOpen: a store on a disk without any room is not called damaged, and opens later. What
// was kept for that is given up to the last part.
func TestNoRoomToOpen(t *testing.T) {
	for _, kept := range []int64{0, room.StoreLast, room.StoreBallast} {
		t.Run(fmt.Sprint(kept), func(t *testing.T) {
			dir := smallFileSystem(t, 128<<20)
			path := filepath.Join(dir, "store.db")
			store := open(t, path)
			put(t, etcd(t, store), "/key", "value")
			mustClose(t, store)
			if kept > 0 {
				if err := store.room.Tend(); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(path+reserveSuffix, kept); err != nil {
					t.Fatal(err)
				}
			}
			empty := fill(t, dir)
			store, err := Open(path)
			if kept > 0 {
				if err != nil {
					t.Fatal(err)
				}
				client := etcd(t, store)
				_, revision := get(t, client, "/key")
				if _, err := remove(t.Context(), client, "/key", revision); err != nil {
					t.Error(err)
				}
				mustClose(t, store)
				return
			}
			if !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), "no room is left in "+dir+", where 0 MB are free and 8 MB are needed") {
				t.Fatalf("opening it ended with %v", err)
			}
			empty()
			store = open(t, path)
			defer mustClose(t, store)
			if value, _ := get(t, etcd(t, store), "/key"); value != "value" {
				t.Errorf("the key has %q", value)
			}
		})
	}
}

// TestUpdateAfterNeighbor: a guest whose disk is on the same file system takes all that is free,
// and all that the store gives up by itself. That is written down nevertheless.
func TestUpdateAfterNeighbor(t *testing.T) {
	for name, size := range map[string]int64{"much room": 256 << 20, "little room": 74 << 20} {
		t.Run(name, func(t *testing.T) {
			dir := smallFileSystem(t, size)
			store := open(t, filepath.Join(dir, "store.db"))
			defer mustClose(t, store)
			client := etcd(t, store)
			put(t, client, "/status", "runs")
			if err := store.room.Tend(); err != nil {
				t.Fatal(err)
			}
			free, _ := store.room.Free()
			guest := filepath.Join(dir, "disk")
			if err := os.WriteFile(guest, make([]byte, free-room.StoreBallast/2), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := store.room.Tend(); err != nil {
				t.Fatal(err)
			}
			defer fill(t, dir)()
			_, revision := get(t, client, "/status")
			for i := range 20 {
				var err error
				if revision, err = update(t.Context(), client, "/status", fmt.Sprint("is paused ", i), revision); err != nil {
					t.Fatalf("update %d: %v", i, err)
				}
			}
		})
	}
}

// TestOwnCreates are tried where those of others are refused.
func TestOwnCreates(t *testing.T) {
	dir := smallFileSystem(t, 256<<20)
	store := open(t, filepath.Join(dir, "store.db"))
	defer mustClose(t, store)
	client := etcd(t, store)
	free, _ := store.room.Free()
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, free-store.room.Reserve()/2), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := create(t.Context(), client, "/theirs", "value"); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("a create of others ended with %v", err)
	}
	if err := create(checked.AsOwn(t.Context()), client, "/own", "value"); err != nil {
		t.Error(err)
	}
}
