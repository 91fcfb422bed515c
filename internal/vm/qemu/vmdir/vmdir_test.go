// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

func record(uid string) Record {
	return Record{Engine: Engine, Owner: vm.Owner{UID: uid}, Spec: Spec{Revision: "r-" + uid}}
}

func TestClaimHasOneWinner(t *testing.T) {
	home := Home(filepath.Join(t.TempDir(), "lima"))
	var winners atomic.Int32
	var all sync.WaitGroup
	for _, uid := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			err := home.Claim("x", record(uid), []byte("template of "+uid))
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if winners.Load() != 1 {
		t.Errorf("%d winners", winners.Load())
	}
	d := In(string(home), "x")
	got, err := d.ReadRecord()
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile(d.Template())
	if err != nil || string(template) != "template of "+got.Owner.UID || Hash(template) != got.Spec.TemplateHash {
		t.Errorf("template %q of %q, %v", template, got.Owner.UID, err)
	}
	checkEntries(t, home, "x")
}

func TestClaimLeavesForeignDirectoriesAlone(t *testing.T) {
	home := Home(t.TempDir())
	if err := os.Mkdir(filepath.Join(string(home), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := home.Claim("x", record("a"), nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if _, err := In(string(home), "x").ReadRecord(); !errors.Is(err, ErrForeign) {
		t.Errorf("got %v", err)
	}
}

func TestRemove(t *testing.T) {
	home := Home(t.TempDir())
	if err := home.Claim("x", record("a"), nil); err != nil {
		t.Fatal(err)
	}
	if err := home.Remove("x"); err != nil {
		t.Fatal(err)
	}
	checkEntries(t, home)
	if _, err := In(string(home), "x").ReadRecord(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	home := Home(t.TempDir())
	self, err := home.temporary(newPrefix)
	if err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf("%d-1-", os.Getpid()) // no process of ours started in the kernel's first tick
	for _, name := range []string{newPrefix + gone + "1", trashPrefix + gone + "2", "kept", ".other", ".new-x", "_config"} {
		if err := os.MkdirAll(filepath.Join(string(home), name, "deep"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := home.RemoveLeftovers(); err != nil {
		t.Fatal(err)
	}
	checkEntries(t, home, filepath.Base(self), ".new-x", ".other", "_config", "kept")
	if names, err := home.Instances(); err != nil || len(names) != 1 || names[0] != "kept" {
		t.Errorf("instances %v, %v", names, err)
	}
}

func TestDamagedFilesAreNamed(t *testing.T) {
	d := Dir(t.TempDir())
	for path, read := range map[string]func() error{
		d.RecordFile(): func() error { _, err := d.ReadRecord(); return err },
		d.StartFile():  func() error { _, err := d.ReadStart(); return err },
		d.RunFile():    func() error { _, err := d.ReadRun(); return err },
	} {
		for _, content := range []string{"", "{", "[]", "\x00"} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := read(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s holding %q: got %v", filepath.Base(path), content, err)
			}
		}
	}
}

func checkEntries(t *testing.T, home Home, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(string(home))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		if entry.IsDir() {
			got = append(got, entry.Name())
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("entries %v, want %v", got, want)
	}
}

// TestRunIsWrittenUnderTheHostagentsLock: any other lock is refused.
func TestRunIsWrittenUnderTheHostagentsLock(t *testing.T) {
	dir := Dir(t.TempDir())
	for path, allowed := range map[string]bool{dir.HostagentLock(): true, dir.WorkLock(): false, dir.QEMULock(): false} {
		lock, err := flock.Try(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := dir.WriteRun(lock, Run{StartID: path}); (err == nil) != allowed {
			t.Errorf("%s: %v", path, err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if run, err := dir.ReadRun(); err != nil || run.StartID != dir.HostagentLock() {
		t.Errorf("got %+v, %v", run, err)
	}
}
