// SPDX-License-Identifier: Apache-2.0

//go:build unix

package disks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
)

func newStore(t *testing.T) (Store, machine.Program) {
	t.Helper()
	path, err := process.LookPath("qemu-img")
	if err != nil {
		t.Skip(err)
	}
	return In(t.TempDir()), machine.Program{Image: path}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s Store) []vm.Disk {
	t.Helper()
	all, err := s.List()
	must(t, err)
	for i := range all {
		if all[i].Used == 0 || all[i].Used > 1<<20 {
			t.Errorf("an empty disk takes %d bytes", all[i].Used)
		}
		all[i].Used = 0
	}
	return all
}

func TestStore(t *testing.T) {
	s, program := newStore(t)
	if all := list(t, s); all != nil {
		t.Errorf("got %+v of nothing", all)
	}
	must(t, s.Create(t.Context(), program, "b", 32<<20))
	must(t, s.Create(t.Context(), program, "a.1", 16<<20))
	if err := s.Create(t.Context(), program, "b", 64<<20); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made again: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(s.dir, "note.txt"), nil, 0o600))
	want := []vm.Disk{{Name: "a.1", Size: 16 << 20}, {Name: "b", Size: 32 << 20}}
	if all := list(t, s); !slices.Equal(all, want) {
		t.Errorf("got %+v", all)
	}
	must(t, s.Resize(t.Context(), program, "b", 64<<20))
	if err := s.Resize(t.Context(), program, "b", 48<<20); err == nil || !strings.Contains(err.Error(), "disks only grow") {
		t.Errorf("made smaller: %v", err)
	}
	if d, err := s.Get("b"); err != nil || d.Size != 64<<20 {
		t.Errorf("%+v, %v", d, err)
	}
	must(t, s.Delete("b"))
	if all := list(t, s); !slices.Equal(all, want[:1]) {
		t.Errorf("got %+v", all)
	}
	must(t, s.Create(t.Context(), program, "b", 16<<20))
	must(t, s.Delete("b"))
	must(t, s.Delete("a.1"))
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the note there are %v, %v", entries, err)
	}
	must(t, os.Remove(filepath.Join(s.dir, "note.txt")))
	must(t, s.Create(t.Context(), program, "b", 16<<20))
	must(t, s.Delete("b"))
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory is left: %v", err)
	}
}

// TestDamagedDisk: it is listed with what is wrong, beside the others, and can be deleted.
func TestDamagedDisk(t *testing.T) {
	s, program := newStore(t)
	must(t, s.Create(t.Context(), program, "sound", 16<<20))
	must(t, s.Create(t.Context(), program, "x", 16<<20))
	must(t, os.Truncate(s.Path("x"), 0))
	must(t, os.Mkdir(s.Path("dir"), 0o700))
	all, err := s.List()
	must(t, err)
	if len(all) != 3 || all[0].Damage == "" || all[1].Damage != "" || all[2].Damage == "" {
		t.Errorf("got %+v", all)
	}
	must(t, s.Delete("x"))
}

// TestInUse: a disk that a machine has is for nobody else until it lets go.
func TestInUse(t *testing.T) {
	s, program := newStore(t)
	must(t, s.Create(t.Context(), program, "data", 16<<20))
	lock, err := s.Lock("data", "dev")
	must(t, err)
	_, again := s.Lock("data", "other")
	for what, err := range map[string]error{
		"locked again": again, "resized": s.Resize(t.Context(), program, "data", 32<<20), "deleted": s.Delete("data"),
		"created": s.Create(t.Context(), program, "data", 16<<20),
	} {
		var inUse *vm.DiskInUseError
		if !errors.As(err, &inUse) || inUse.By != "dev" || inUse.Disk != "data" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if d, err := s.Get("data"); err != nil || d.UsedBy != "dev" {
		t.Errorf("%+v, %v", d, err)
	}
	must(t, lock.Unlock())
	if d, err := s.Get("data"); err != nil || d.UsedBy != "" {
		t.Errorf("%+v, %v", d, err)
	}
	must(t, s.Delete("data"))
}

func TestNoSuchDisk(t *testing.T) {
	s, program := newStore(t)
	must(t, os.MkdirAll(s.dir, 0o700))
	must(t, os.WriteFile(filepath.Join(s.dir, "..", "x"+diskSuffix), nil, 0o600))
	for _, name := range []string{"none", "", "../x", "."} {
		_, get := s.Get(name)
		_, lock := s.Lock(name, "dev")
		for what, err := range map[string]error{
			"get": get, "lock": lock, "resize": s.Resize(t.Context(), program, name, 32<<20), "delete": s.Delete(name),
		} {
			if !errors.Is(err, vm.ErrNotFound) {
				t.Errorf("%s of %q: %v", what, name, err)
			}
		}
	}
}

// TestInterruptedCreate: what a crash has left is no disk, and is replaced.
func TestInterruptedCreate(t *testing.T) {
	s, program := newStore(t)
	must(t, os.MkdirAll(s.dir, 0o700))
	must(t, os.WriteFile(s.Path("data")+partialSuffix, make([]byte, 2<<20), 0o600))
	if all := list(t, s); all != nil {
		t.Errorf("got %+v", all)
	}
	must(t, s.Create(t.Context(), program, "data", 16<<20))
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}
