// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package datastore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rancherdesktop.io/rdd/internal/datastore/faultdisk"
)

func newDisk(t *testing.T) *faultdisk.Disk {
	t.Helper()
	disk, err := faultdisk.New()
	if err != nil {
		t.Fatal(err)
	}
	return disk
}

func openOn(t *testing.T, path string, disk *faultdisk.Disk) *Store {
	t.Helper()
	store, err := OpenWith(path, Options{VFS: disk.Name()})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// known is what a client knows of each key: the values that it may have now, "" for none.
type known map[string][]string

// write does something to a key. After an error both the old and the new value are possible, after
// a refusal the old one only.
func (k known) write(t *testing.T, key, value string, do func() error) {
	t.Helper()
	switch err := do(); {
	case err == nil:
		k[key] = []string{value}
	case errors.Is(err, errRefused):
		t.Errorf("nobody else writes %s, and yet it was refused", key)
	case !strings.Contains(err.Error(), "the store: "):
		t.Errorf("writing %s ended without a cause: %v", key, err)
	default:
		k[key] = append(k[key], value)
	}
}

func (k known) check(t *testing.T, client *clientv3.Client) {
	t.Helper()
	for key, possible := range k {
		if value, _ := get(t, client, key); !slices.Contains(possible, value) {
			t.Errorf("%s is %q, possible are %q", key, value, possible)
		}
	}
}

// scenario creates, updates and deletes keys, each by a client that has read it before.
func (k known) scenario(ctx context.Context, t *testing.T, client *clientv3.Client, round string) {
	t.Helper()
	at := func(key string) int64 {
		response, err := client.Get(ctx, key)
		if err != nil || len(response.Kvs) == 0 {
			return 0
		}
		return response.Kvs[0].ModRevision
	}
	for i := range 4 {
		key := fmt.Sprintf("/%s-%d", round, i)
		k[key] = []string{""}
		k.write(t, key, "created", func() error { return create(ctx, client, key, "created") })
		if revision := at(key); revision != 0 && i > 0 {
			k.write(t, key, "updated", func() error {
				_, err := update(ctx, client, key, "updated", revision)
				return err
			})
		}
		if revision := at(key); revision != 0 && i > 1 {
			k.write(t, key, "", func() error {
				_, err := remove(ctx, client, key, revision)
				return err
			})
		}
		if i > 2 && at(key) == 0 {
			k.write(t, key, "again", func() error { return create(ctx, client, key, "again") })
		}
	}
}

// faultRounds bounds the operations after whose number a fault strikes; a round has a few more.
const faultRounds = 25

// TestFaults lets each of the first operations of the disk fail, in each way: no write that was
// acknowledged is lost, none is called a conflict, every error has a cause, and after it the store
// works as before.
func TestFaults(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(faultdisk.Faults)) {
		fault := faultdisk.Faults[name]
		for _, op := range []faultdisk.Op{faultdisk.Write, faultdisk.Sync} {
			if fault == faultdisk.Nothing {
				continue // see TestLyingDisk
			}
			t.Run(fmt.Sprintf("%s, %s", op, name), func(t *testing.T) { faults(t, op, fault) })
		}
	}
}

func faults(t *testing.T, op faultdisk.Op, fault faultdisk.Fault) {
	disk := newDisk(t)
	path := filepath.Join(t.TempDir(), "store.db")
	store := openOn(t, path, disk)
	client := etcd(t, store)
	all := known{}
	struck := 0
	for k := range faultRounds {
		seen := 0
		disk.Fail(func(_ int, got faultdisk.Op, _ string) faultdisk.Fault {
			if got == op {
				seen++
			}
			if got == op && seen == k+1 {
				struck++
				return fault
			}
			return faultdisk.Fine
		})
		all.scenario(t.Context(), t, client, fmt.Sprintf("round-%d", k))
		disk.Fail(nil)
		all.check(t, client)
		if t.Failed() {
			t.Fatalf("the %d-th %s failed", k+1, op)
		}
	}
	mustClose(t, store)
	store = open(t, path)
	defer mustClose(t, store)
	all.check(t, etcd(t, store))
	if struck < 10 { // there is one sync for each of a round's ten writes
		t.Errorf("only %d faults struck", struck)
	}
	t.Logf("%d faults, %d keys", struck, len(all))
}

// TestLinearizableWithFaults is TestLinearizable on a disk on which one in so many writes and syncs
// fails, and fewer reads, while another process holds the store's lock from time to time.
func TestLinearizableWithFaults(t *testing.T) {
	for seed := range uint64(4) {
		disk := newDisk(t)
		path := filepath.Join(t.TempDir(), "store.db")
		store, err := OpenWith(path, Options{VFS: disk.Name(), LockWait: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(seed, 0))
		kinds := []faultdisk.Fault{faultdisk.NoSpace, faultdisk.InputOutput, faultdisk.Torn}
		disk.Fail(func(_ int, op faultdisk.Op, _ string) faultdisk.Fault {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case op == faultdisk.Read && seed%2 == 0 && random.IntN(200) == 0:
				return faultdisk.InputOutput
			case op != faultdisk.Read && random.IntN(25) == 0:
				return kinds[random.IntN(len(kinds))]
			}
			return faultdisk.Fine
		})
		ctx, cancel := context.WithCancel(t.Context())
		var locker sync.WaitGroup
		locker.Go(func() { lockNowAndThen(ctx, t, path) })
		linearizable(t, store, seed, func() {
			cancel()
			locker.Wait()
			disk.Fail(nil)
		})
		mustClose(t, store)
	}
}

// lockNowAndThen holds the lock for longer than a write waits, again and again until ctx ends.
func lockNowAndThen(ctx context.Context, t *testing.T, path string) {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for unlock := func() {}; ; {
		select {
		case <-ctx.Done():
			unlock()
			return
		case <-tick.C:
		}
		unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		unlock = lockOut(t, path)
	}
}
