// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rancherdesktop.io/rdd/internal/datastore/checked"
)

// errRefused is a comparison that did not hold: a conflict, or a key that exists already.
var errRefused = errors.New("refused")

func update(ctx context.Context, client *clientv3.Client, key, value string, revision int64) (int64, error) {
	return commit(client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
		Then(clientv3.OpPut(key, value)).Else(clientv3.OpGet(key)))
}

func remove(ctx context.Context, client *clientv3.Client, key string, revision int64) (int64, error) {
	return commit(client.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
		Then(clientv3.OpDelete(key)).Else(clientv3.OpGet(key)))
}

func commit(txn clientv3.Txn) (int64, error) {
	response, err := txn.Commit()
	switch {
	case err != nil:
		return 0, err
	case !response.Succeeded:
		return 0, errRefused
	}
	return response.Header.Revision, nil
}

// get returns the value and the revision of a key; 0 when it is not there.
func get(t testing.TB, client *clientv3.Client, key string) (string, int64) {
	t.Helper()
	response, err := client.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("reading %s: %v", key, err)
	}
	if len(response.Kvs) == 0 {
		return "", 0
	}
	return string(response.Kvs[0].Value), response.Kvs[0].ModRevision
}

// lockOut holds the write lock of the store as another process would, until the function it returns
// is called.
func lockOut(t *testing.T, path string) (unlock func()) {
	t.Helper()
	db, err := sql.Open(driverName, sourceName(path))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		_, err := conn.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK")
		if err := errors.Join(err, conn.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestLockedStore: while another process holds the store's lock, no write is acknowledged, and none
// is called a conflict.
func TestLockedStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store, err := OpenWith(path, Options{LockWait: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, store)
	client := etcd(t, store)
	put(t, client, "/kept", "old")
	_, revision := get(t, client, "/kept")
	unlock := lockOut(t, path)
	results := make(chan error, 3)
	go func() { results <- create(t.Context(), client, "/new", "value") }()
	go func() {
		_, err := update(t.Context(), client, "/kept", "new", revision)
		results <- err
	}()
	go func() {
		_, err := remove(t.Context(), client, "/kept", revision)
		results <- err
	}()
	var all []error
	for range 3 {
		all = append(all, <-results)
	}
	if failure := store.Health().Failure; failure == nil || failure.Cause != checked.CauseLocked || failure.Count != 3 {
		t.Errorf("the store's health is %+v", failure)
	}
	unlock()
	for _, err := range all {
		if cause, _, _ := checked.CauseOf(err); cause != checked.CauseLocked {
			t.Errorf("a write while the store was locked ended with %v", err)
		}
	}
	if value, _ := get(t, client, "/new"); value != "" {
		t.Errorf("the create that failed was stored: %q", value)
	}
	if value, at := get(t, client, "/kept"); value != "old" || at != revision {
		t.Errorf("found %q at %d, want the old value at %d", value, at, revision)
	}
	put(t, client, "/after", "value")
	if failure := store.Health().Failure; failure != nil {
		t.Errorf("after a write that succeeded, the store's health is %+v", failure)
	}
}

// TestFailurePasses: the health of a store that nobody writes to gets right by itself.
func TestFailurePasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store, err := OpenWith(path, Options{LockWait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, store)
	unlock := lockOut(t, path)
	if err := create(t.Context(), etcd(t, store), "/new", "value"); err == nil {
		t.Fatal("a write went through while the store was locked")
	}
	store.retry(t.Context())
	if store.Health().Failure == nil {
		t.Error("the failure is forgotten while it lasts")
	}
	unlock()
	store.retry(t.Context())
	if failure := store.Health().Failure; failure != nil {
		t.Errorf("when it has passed, the store's health is %+v", failure)
	}
}
