// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package datastore

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rancherdesktop.io/rdd/internal/datastore/checked"
	"rancherdesktop.io/rdd/internal/datastore/faultdisk"
)

// TestLyingDisk has a disk that reports a write as done that it has not done. That damages the
// store; no key ever has a value that was not written last, and what cannot be read is an error.
func TestLyingDisk(t *testing.T) {
	found := 0
	for k := range faultRounds {
		disk := newDisk(t)
		store := openOn(t, filepath.Join(t.TempDir(), "store.db"), disk)
		client := etcd(t, store)
		seen := 0
		disk.Fail(func(_ int, op faultdisk.Op, _ string) faultdisk.Fault {
			if op == faultdisk.Write {
				seen++
			}
			if op == faultdisk.Write && seen == k+1 {
				return faultdisk.Nothing
			}
			return faultdisk.Fine
		})
		all := known{}
		all.scenario(t.Context(), t, client, "lie")
		for key, possible := range all {
			response, err := client.Get(t.Context(), key)
			value := ""
			if err == nil && len(response.Kvs) > 0 {
				value = string(response.Kvs[0].Value)
			}
			if cause, _, ok := checked.CauseOf(err); ok {
				found++
				t.Logf("write %d: reading %s: %s", k+1, key, cause)
			} else if !slices.Contains(possible, value) || err != nil {
				t.Errorf("write %d: %s is %q, possible are %q: %v", k+1, key, value, possible, err)
			}
		}
		_ = store.Close() // it may be damaged
	}
	if found == 0 {
		t.Error("no lie was found")
	}
}

// TestBrokenList lets each of the reads of a list fail: the list is whole or an error.
func TestBrokenList(t *testing.T) {
	const keys = 100
	path := filepath.Join(t.TempDir(), "store.db")
	store := open(t, path)
	client := etcd(t, store)
	for i := range keys {
		put(t, client, fmt.Sprintf("/list/%03d", i), strings.Repeat("v", 3000))
	}
	mustClose(t, store)
	broken := 0
	for k := 1; k < 200; k += 7 {
		disk := newDisk(t)
		store := openOn(t, path, disk)
		client := etcd(t, store)
		disk.Fail(func(n int, op faultdisk.Op, _ string) faultdisk.Fault {
			if op == faultdisk.Read && n >= k {
				return faultdisk.InputOutput
			}
			return faultdisk.Fine
		})
		response, err := client.Get(t.Context(), "/list/", clientv3.WithPrefix())
		disk.Fail(nil)
		if _, _, ok := checked.CauseOf(err); ok {
			broken++
		} else if err != nil || len(response.Kvs) != keys {
			t.Errorf("from read %d on: %d of %d keys: %v", k, len(response.Kvs), keys, err)
		}
		mustClose(t, store)
	}
	if broken == 0 {
		t.Error("no list was broken")
	}
	t.Logf("%d lists were broken", broken)
}

// TestPowerCut: what was acknowledged is on the disk whatever becomes of the bytes that were not
// synced.
func TestPowerCut(t *testing.T) {
	const seed, cuts = 1, 20
	random := rand.New(rand.NewPCG(seed, 0))
	disk := newDisk(t)
	store := openOn(t, filepath.Join(t.TempDir(), "store.db"), disk)
	client := etcd(t, store)
	all := known{}
	for i := range cuts {
		all.scenario(t.Context(), t, client, fmt.Sprintf("round-%d", i))
		if i%10 == 9 {
			if _, err := store.db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
				t.Fatal(err)
			}
		}
		dir := t.TempDir()
		if err := disk.Cut(dir, random); err != nil {
			t.Fatal(err)
		}
		after := filepath.Join(dir, "store.db")
		if err := mark(after); err != nil {
			t.Fatal(err)
		}
		copied := open(t, after)
		all.check(t, etcd(t, copied))
		mustClose(t, copied)
		if t.Failed() {
			t.Fatalf("cut %d of seed %d", i, seed)
		}
	}
	mustClose(t, store)
	t.Logf("%d cuts, %d keys", cuts, len(all))
}
