// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// TestDamagedRunIsWrittenAgain: the hostagent of a machine that runs knows what run.json had.
func TestDamagedRunIsWrittenAgain(t *testing.T) {
	h := newFakeHost(t)
	e, before := running(t, h)
	for _, way := range damages {
		damage(t, h.dir().RunFile(), way.do)
		if state, err := e.Observe(t.Context(), "x"); err != nil || state.Phase == vm.PhaseStopped {
			t.Errorf("%s: %+v, %v", way.name, state, err)
		}
		after := await(t, e, "running", func(s vm.State, err error) bool { return err == nil && s.Phase == vm.PhaseRunning && s.StartID != "" })
		if after.StartID != before.StartID || after.SSHPort != before.SSHPort || after.BootID != before.BootID {
			t.Errorf("%s: %+v, before %+v", way.name, after, before)
		}
	}
}

// TestAdoptionRebuildsWhatIsDamaged: the hostagent was killed, and what the next one needs is
// damaged, alone or together.
func TestAdoptionRebuildsWhatIsDamaged(t *testing.T) {
	h := newFakeHost(t)
	e, before := running(t, h)
	for _, paths := range [][]string{
		{h.dir().StartFile()}, {h.dir().RunFile()}, {h.dir().SSHConfig(), h.dir().OwnSSHConfig(), h.dir().KnownHosts()},
		{h.dir().StartFile(), h.dir().RunFile(), h.dir().RecordFile()},
	} {
		first := h.run(t).Hostagent
		kill(t, first, syscall.SIGSTOP) // or it would write run.json again
		for _, path := range paths {
			must(t, os.WriteFile(path, []byte("{"), 0o600))
		}
		kill(t, first, syscall.SIGKILL)
		after := await(t, e, "adopted", func(s vm.State, err error) bool {
			run, runErr := h.dir().ReadRun()
			return err == nil && runErr == nil && s.Phase == vm.PhaseRunning && run.Hostagent != nil && run.Hostagent.PID != first.PID
		})
		if after.SSHPort != before.SSHPort || after.BootID != before.BootID || after.Accelerator != before.Accelerator ||
			after.RunningRevision != before.RunningRevision {
			t.Errorf("%q: not the same machine: %+v, before %+v", paths, after, before)
		}
		awaitReached(t, h, before.BootID)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
}

// TestAMachineWithoutItsLocksIsNotStartedTwice: the files of the locks were removed while they were
// held.
func TestAMachineWithoutItsLocksIsNotStartedTwice(t *testing.T) {
	h := newFakeHost(t)
	e, before := running(t, h)
	run := h.run(t)
	must(t, errors.Join(os.Remove(h.dir().HostagentLock()), os.Remove(h.dir().QEMULock())))
	for range 2 {
		if state, err := e.Observe(t.Context(), "x"); err != nil || state.Phase != vm.PhaseRunning {
			t.Fatalf("%+v, %v", state, err)
		}
		must(t, e.Start(t.Context(), owner, "x")) // may make the file again
	}
	if after := h.run(t); *after.Hostagent != *run.Hostagent || *after.QEMU != *run.QEMU {
		t.Errorf("another one runs: %+v, before %+v", after, run)
	}
	if directory, err := e.Directory(t.Context(), "x"); err != nil || !directory.Alive {
		t.Errorf("%+v, %v", directory, err)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
	awaitStart(t, e)
	if after := await(t, e, "running", in(vm.PhaseRunning)); after.StartID == before.StartID {
		t.Errorf("%+v", after)
	}
	run = h.run(t)
	must(t, errors.Join(os.Remove(h.dir().HostagentLock()), os.Remove(h.dir().QEMULock())))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", deleted)
	for what, id := range map[string]*process.Identity{"hostagent": run.Hostagent, "QEMU": run.QEMU} {
		if id.Alive() {
			t.Errorf("%s outlives the instance", what)
		}
	}
}

// TestTheMarkOfCompletenessIsNotNeeded: the disk is not made again when the file "created" is lost.
func TestTheMarkOfCompletenessIsNotNeeded(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	must(t, os.WriteFile(h.dir().Serial(), nil, 0o600))
	before, err := os.Stat(h.dir().Disk())
	must(t, err)
	must(t, os.Remove(h.dir().Created()))
	second := h.engine(t)
	if state, err := second.Observe(t.Context(), "x"); err != nil || state.Phase != vm.PhaseStopped || state.Revision == "" {
		t.Errorf("%+v, %v", state, err)
	}
	must(t, second.Apply(t.Context(), spec(guestTemplate+"message: changed\n")))
	await(t, e, "changed", in(vm.PhaseStopped))
	after, err := os.Stat(h.dir().Disk())
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("another disk: %v", err)
	}
}
