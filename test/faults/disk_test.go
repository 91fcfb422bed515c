// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package faults

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver below the store

	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/datastore/faultdisk"
)

// diskFault is how the k-th operation of a kind goes, while a reconciler works.
type diskFault struct {
	name  string
	op    faultdisk.Op
	fault faultdisk.Fault
	// until is how many operations it lasts.
	until int
}

// diskFaults are those after which a store is as sound as before. A disk that reports a write as
// done and has not done it damages the store: see datastore.TestLyingDisk.
var diskFaults = []diskFault{
	{"a full disk", faultdisk.Write, faultdisk.NoSpace, 1},
	{"an I/O error in a write", faultdisk.Write, faultdisk.InputOutput, 1},
	{"a torn write", faultdisk.Write, faultdisk.Torn, 1},
	{"an I/O error in a sync", faultdisk.Sync, faultdisk.InputOutput, 1},
	{"a sync that does nothing", faultdisk.Sync, faultdisk.Nothing, 1},
	{"a disk that stays full", faultdisk.Write, faultdisk.NoSpace, 40},
	{"a disk that stays broken", faultdisk.Sync, faultdisk.InputOutput, 8},
}

// faultyDisk is the disk below the store of a real API server. Faults strike only while a
// reconciler works: a user whose request fails does it again.
type faultyDisk struct {
	disk *faultdisk.Disk

	mu            sync.Mutex
	working       bool
	fault         diskFault
	at            int // the operation of the kind, from 1, at which the fault begins
	count, struck int
}

func (d *faultyDisk) decide(_ int, op faultdisk.Op, _ string) faultdisk.Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.working || op != d.fault.op {
		return faultdisk.Fine
	}
	d.count++
	if d.at == 0 || d.count < d.at || d.count >= d.at+d.fault.until {
		return faultdisk.Fine
	}
	d.struck++
	return d.fault.fault
}

// begin has a fault strike from the at-th operation on; with 0 operations are only counted.
func (d *faultyDisk) begin(f diskFault, at int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.at, d.count, d.struck = f, at, 0, 0
}

func (d *faultyDisk) counts() (count, struck int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count, d.struck
}

// serveFaulty is serve on a disk with faults.
func serveFaulty(t *testing.T, options datastore.Options) (*harness, *faultyDisk, string) {
	t.Helper()
	disk, err := faultdisk.New()
	if err != nil {
		t.Fatal(err)
	}
	d := &faultyDisk{disk: disk}
	options.VFS = disk.Name()
	dir := memory(t)
	h := serveOn(t, dir, options, mutant{})
	h.working = func(works bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.working = works
	}
	disk.Fail(d.decide)
	t.Cleanup(func() { disk.Fail(nil) })
	return h, d, filepath.Join(dir, "store.db")
}

// diskSample is how many operations there are for each that fails.
const diskSample = 15

// TestFaultyDisk runs every pair of stages on the real API server, and lets operations of the disk
// below its store fail, in each way: each stage ends as it does on a sound disk.
func TestFaultyDisk(t *testing.T) {
	started := time.Now()
	h, d, _ := serveFaulty(t, datastore.Options{})
	every := diskSample
	if *everything {
		every = 1
	}
	total := &diskRuns{h: h, d: d, every: every}
	for _, p := range pairs() {
		if p.simulated || p.there.partial {
			continue
		}
		if err := h.onPair(p, total.faults); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
	}
	t.Logf("%d runs, %d faults, %.1f s", total.runs, total.struck, time.Since(started).Seconds())
	if total.struck == 0 {
		t.Error("nothing was injected")
	}
}

// diskRuns are the runs of TestFaultyDisk.
type diskRuns struct {
	h     *harness
	d     *faultyDisk
	every int
	// turn is which of so many operations is the first that fails.
	turn         int
	runs, struck int
}

// faults runs a pair's stages with all faults.
func (r *diskRuns) faults(stages [2]stage, ends [2]golden) error {
	for _, f := range diskFaults {
		for at, operations := r.turn%r.every+1, 1; at <= operations; at += r.every {
			operations = 0
			for i, s := range stages { // what one does, the other undoes
				count, err := r.once(s, ends[i], f, at)
				if err != nil {
					return fmt.Errorf("%s, %s at operation %d of %d: %w", s.name, f.name, at, count, err)
				}
				operations = max(operations, count)
			}
		}
		r.turn++
	}
	return nil
}

// once runs a stage with a fault from an operation on, and returns how many operations there were.
func (r *diskRuns) once(s stage, end golden, f diskFault, at int) (operations int, err error) {
	r.d.begin(f, at)
	got, err := r.h.run(context.Background(), s, fault{})
	operations, struck := r.d.counts()
	r.d.begin(f, 0)
	r.runs, r.struck = r.runs+1, r.struck+struck
	if err == nil && (got.snapshot != end.snapshot || s.starts != 0 && got.starts != s.starts) {
		err = fmt.Errorf("another end: %s", difference(end.snapshot, got.snapshot))
	}
	return operations, err
}

// onPair sets a pair up, finds the ends of its stages, and tears it down after do.
func (h *harness) onPair(p pair, do func(stages [2]stage, ends [2]golden) error) error {
	ctx := context.Background()
	if p.setUp != nil {
		if _, err := h.run(ctx, stage{act: p.setUp}, fault{}); err != nil {
			return fmt.Errorf("setting up: %w", err)
		}
	}
	stages, ends := [2]stage{p.there, p.back}, [2]golden{}
	for i, s := range stages {
		var err error
		if ends[i], err = h.run(ctx, s, fault{}); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if err := do(stages, ends); err != nil {
		return err
	}
	if p.tearDown != nil {
		if _, err := h.run(ctx, stage{act: p.tearDown}, fault{}); err != nil {
			return fmt.Errorf("tearing down: %w", err)
		}
	}
	return h.checkSeen(ctx)
}

// lockPeriod is how many passes of reconcilers there are for each that finds the store locked.
const lockPeriod = 3

// TestLockedStore runs every pair of stages while another process holds the store's lock in one of
// so many passes, for longer than a write waits: each stage ends as it does without.
func TestLockedStore(t *testing.T) {
	h, _, path := serveFaulty(t, datastore.Options{LockWait: 10 * time.Millisecond})
	other := openOther(t, path)
	passes, locking := 0, false
	h.working = func(works bool) {
		statement := "ROLLBACK"
		if works {
			statement = "BEGIN IMMEDIATE"
			passes++
		}
		if !locking || passes%lockPeriod != 0 {
			return
		}
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Error(err)
		}
	}
	for _, p := range pairs() {
		if p.simulated || p.there.partial {
			continue
		}
		err := h.onPair(p, func(stages [2]stage, ends [2]golden) error {
			locking = true
			defer func() { locking = false }()
			for i, s := range stages {
				got, err := h.run(context.Background(), s, fault{})
				if err != nil || got.snapshot != ends[i].snapshot {
					return fmt.Errorf("%s: another end: %s: %w", s.name, difference(ends[i].snapshot, got.snapshot), err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
	}
	t.Logf("%d passes", passes)
}

// openOther is a connection to the store's file as another process would have it.
func openOther(t *testing.T, path string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(conn.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return conn
}
