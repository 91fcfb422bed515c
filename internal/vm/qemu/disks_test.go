// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/disks"
)

// TestAdditionalDisks: a machine starts only when it can have its disks, has them until it has
// ended, and leaves them when it is deleted.
func TestAdditionalDisks(t *testing.T) {
	h := newFakeHost(t)
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate+"additionalDisks: [data, {name: more, format: false}]\n")))
	await(t, e, "created", in(vm.PhaseStopped))
	var lacking *vm.HostError
	if err := e.Start(t.Context(), owner, "x"); !errors.As(err, &lacking) ||
		lacking.Missing != "the disk data of additionalDisks[0]" || lacking.Hint != "rdd limavm disk create data --size 10GiB" {
		t.Errorf("started without a disk: %v", err)
	}
	damaged := disks.In(h.home).Path("data")
	must(t, os.MkdirAll(filepath.Dir(damaged), 0o700))
	must(t, os.WriteFile(damaged, nil, 0o600))
	if err := e.Start(t.Context(), owner, "x"); !errors.As(err, &lacking) || !strings.Contains(lacking.Missing, "a sound disk data") {
		t.Errorf("started with a damaged disk: %v", err)
	}
	must(t, os.Remove(damaged))
	must(t, e.CreateDisk(t.Context(), "data", 16<<20))
	must(t, e.CreateDisk(t.Context(), "more", 16<<20))
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	script, err := os.ReadFile(h.dir().BootScript())
	must(t, err)
	for _, line := range []string{
		"disk 'additionalDisks[0]' 'rdd-disk0' '/mnt/lima-data' true 'ext4'\n",
		"disk 'additionalDisks[1]' 'rdd-disk1' '/mnt/lima-more' false ''\n",
	} {
		if !strings.Contains(string(script), line) {
			t.Errorf("the boot script has no %s", line)
		}
	}
	killHostagent(t, h.dir())
	var inUse *vm.DiskInUseError
	if err := e.DeleteDisk(t.Context(), "data"); !errors.As(err, &inUse) || inUse.By != "x" {
		t.Errorf("deleted under its machine: %v", err)
	}
	must(t, e.Start(t.Context(), owner, "x")) // adopts it
	await(t, e, "running", in(vm.PhaseRunning))
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", func(_ vm.State, err error) bool { return errors.Is(err, vm.ErrNotFound) })
	disks, err := e.Disks(t.Context())
	if err != nil || len(disks) != 2 || disks[0].UsedBy != "" {
		t.Errorf("%+v, %v", disks, err)
	}
	must(t, e.DeleteDisk(t.Context(), "data"))
}

// TestDiskOfAnotherMachine: the start says whose it is.
func TestDiskOfAnotherMachine(t *testing.T) {
	h := newFakeHost(t)
	e := h.engine(t)
	must(t, e.CreateDisk(t.Context(), "data", 16<<20))
	for _, name := range []string{"x", "y"} {
		s := spec(guestTemplate + "additionalDisks: [data]\n")
		s.Name = name
		must(t, e.Apply(t.Context(), s))
		awaitOf(t, e, name, "created", in(vm.PhaseStopped))
	}
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	var inUse *vm.DiskInUseError
	if err := e.Start(t.Context(), owner, "y"); !errors.As(err, &inUse) || inUse.By != "x" {
		t.Errorf("two machines have one disk: %v", err)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "y"))
	awaitOf(t, e, "y", "running", in(vm.PhaseRunning))
	must(t, e.Stop(t.Context(), owner, "y", vm.StopForce))
	awaitOf(t, e, "y", "stopped", in(vm.PhaseStopped))
}
