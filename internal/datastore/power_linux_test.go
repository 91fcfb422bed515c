// SPDX-License-Identifier: Apache-2.0

package datastore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"rancherdesktop.io/rdd/test/filecalls"
)

// lived is a layer that has recorded the life of a store in dir, and what the life ended with.
func lived(t *testing.T, fail func(n int, c filecalls.Call) filecalls.Fault) (layer *filecalls.Layer, dir, output string) {
	t.Helper()
	dir = t.TempDir()
	layer, err := filecalls.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	layer.Fail(fail)
	filecalls.Skip(t, layer.Run(func() {
		cmd := osexec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), storeLife+"="+dir)
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			output = string(out)
		}
	}))
	return layer, dir, output
}

// TestLifePowerCuts plays power cuts in the life of a store with its backups, records and markers,
// through a quarantine, a restore and its removal. It opens, or a restore that was interrupted is
// reported and can be done again. Every key has a value that it may have then.
func TestLifePowerCuts(t *testing.T) {
	layer, _, output := lived(t, nil)
	if output != "" {
		t.Fatal(output)
	}
	cuts, err := layer.EachSyncCut(afterCut)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls: %d power cuts, %d different states", len(layer.Calls(layer.Len())), cuts.All, cuts.Different)
}

// TestLifePlantedBugs leaves out syncs: the power cuts must show each.
func TestLifePlantedBugs(t *testing.T) {
	for name, of := range map[string]func(path string) bool{
		"writes are acknowledged before they are synced": func(path string) bool { return strings.HasSuffix(path, "-wal") },
		"the store is not synced when its log is merged": func(path string) bool { return filepath.Base(path) == "store.db" },
		"backups are not synced":                         func(path string) bool { return strings.HasSuffix(path, "backups/.new") },
		"what is restored is not synced":                 func(path string) bool { return strings.HasSuffix(path, "store.db.new") },
		"the directory is not synced":                    func(path string) bool { return !strings.Contains(filepath.Base(path), ".") },
	} {
		t.Run(name, func(t *testing.T) {
			layer, _, output := lived(t, func(_ int, c filecalls.Call) filecalls.Fault {
				if c.Op == filecalls.Sync && of(c.Path) {
					return filecalls.Nothing
				}
				return filecalls.Fine
			})
			if output != "" {
				t.Fatal(output)
			}
			cuts, err := layer.EachSyncCut(afterCut)
			if err == nil {
				t.Fatalf("not found in %d power cuts", cuts.All)
			}
			t.Logf("found after %d power cuts: %.400s", cuts.All, err)
		})
	}
}

// values that keys may have: "" is none.
type values map[string][]string

func (v values) clone() values {
	c := values{}
	for key, possible := range v {
		c[key] = slices.Clone(possible)
	}
	return c
}

// expected is what there may be after notes. Each is one state of the whole store.
type expected struct {
	now      values
	restored values // nil: there is no backup
	// restoring and discarding have begun and were not acknowledged.
	restoring, discarding bool
}

func expectedAfter(notes []string) expected {
	e := expected{now: values{}}
	for _, note := range notes {
		switch {
		case strings.HasPrefix(note, noteTried):
			key, value, _ := strings.Cut(strings.TrimPrefix(note, noteTried), " ")
			if e.now[key] == nil {
				e.now[key] = []string{""}
			}
			e.now[key] = append(e.now[key], value)
		case strings.HasPrefix(note, noteDone):
			key, value, _ := strings.Cut(strings.TrimPrefix(note, noteDone), " ")
			e.now[key] = []string{value}
		case note == noteBackedUp:
			e.restored = e.now.clone()
		case note == noteRestoring:
			e.restoring = true
		case note == noteRestored:
			e.restoring = false
			now := e.restored.clone()
			for key := range e.now {
				if now[key] == nil {
					now[key] = []string{""}
				}
			}
			e.now = now
		case note == noteDiscarding:
			e.discarding = true
		case note == noteDiscarded:
			e = expected{now: values{}}
		}
	}
	return e
}

// afterCut opens the store as the next daemon does, and reads every key.
func afterCut(s filecalls.State) error {
	path := filepath.Join(s.Dir, "store.db")
	want := expectedAfter(s.Notes)
	if err := checkBackups(path, want); err != nil {
		return err
	}
	store, err := Open(path)
	if errors.Is(err, ErrRestoring) && want.restoring {
		want.now, want.restoring = want.restored, false
		store, err = restoreAgain(path)
	}
	if err != nil {
		return err
	}
	err = want.check(store)
	return errors.Join(err, store.Close())
}

func restoreAgain(path string) (*Store, error) {
	backups, err := Backups(path)
	if err != nil || len(backups) == 0 {
		return nil, fmt.Errorf("no backup: %w", err)
	}
	if _, err := Restore(path, backups[0], noon.Add(2*time.Hour)); err != nil {
		return nil, fmt.Errorf("restoring again: %w", err)
	}
	return Open(path)
}

// checkBackups expects every backup that is listed to be whole, and one that was acknowledged to be
// listed.
func checkBackups(path string, want expected) error {
	backups, err := Backups(path)
	if err != nil {
		return err
	}
	if len(backups) == 0 && want.restored != nil && !want.discarding {
		return errors.New("the backup is lost")
	}
	for _, b := range backups {
		if err := errors.Join(probe(b.Path, true), b.describe(context.Background())); err != nil {
			return fmt.Errorf("the backup %s: %w", b.Path, err)
		}
	}
	return nil
}

// check reads all keys. A store that is being removed may be there or not, one that is being
// restored may be the old one or the new one.
func (e expected) check(store *Store) error {
	client, err := connect(store)
	if err != nil {
		return err
	}
	response, err := client.Get(context.Background(), "/", clientv3.WithPrefix())
	if err = errors.Join(err, client.Close()); err != nil {
		return err
	}
	got := map[string]string{}
	for _, kv := range response.Kvs {
		if key := string(kv.Key); !strings.HasPrefix(key, "/registry/") { // kine's own
			got[key] = string(kv.Value)
		}
	}
	err = e.now.allow(got)
	if e.restoring && err != nil {
		err = e.restored.allow(got)
	}
	if e.discarding && err != nil {
		err = values{}.allow(got)
	}
	return err
}

func (v values) allow(got map[string]string) error {
	for key, value := range got {
		if !slices.Contains(v[key], value) {
			return fmt.Errorf("%s is %.20q, possible are %.60q", key, value, v[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if _, there := got[key]; !there && !slices.Contains(v[key], "") {
			return fmt.Errorf("%s is lost, possible are %.60q", key, v[key])
		}
	}
	return nil
}
