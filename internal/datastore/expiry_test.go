// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestExpiryIsTriedAgain: keys whose time to live ends while the store fails are deleted when it
// works again, not only after the next start.
func TestExpiryIsTriedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	store, err := OpenWith(path, Options{LockWait: 50 * time.Millisecond, retry: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, store)
	client := etcd(t, store)
	lease, err := client.Grant(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	gone := client.Watch(t.Context(), "/event", clientv3.WithPrefix(), clientv3.WithFilterPut())
	for _, key := range []string{"/event-1", "/event-2", "/event-3"} {
		absent := clientv3.Compare(clientv3.ModRevision(key), "=", 0)
		if _, err := client.Txn(t.Context()).If(absent).Then(clientv3.OpPut(key, "value", clientv3.WithLease(lease.ID))).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	unlock := lockOut(t, path)
	failing(t, store)
	unlock()
	for left := 3; left > 0; {
		response, ok := <-gone
		if !ok || response.Err() != nil {
			t.Fatalf("the watch ended with %d keys left: %v", left, response.Err())
		}
		left -= len(response.Events)
	}
}

// failing returns when a write of the store has failed, and kine's own loop has had the time to.
func failing(t *testing.T, store *Store) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for count := 0; count < 4; <-ticker.C {
		if failure, _ := store.health.last(); failure != nil {
			count = failure.Count
		}
	}
}
