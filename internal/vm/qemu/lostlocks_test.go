// SPDX-License-Identifier: Apache-2.0

package qemu_test

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// losses are ways in which a machine's state is lost together with the files of its locks.
var losses = map[string]func(h *fakeHost) error{
	"removed": func(h *fakeHost) error {
		return errors.Join(os.Remove(h.dir().HostagentLock()), os.Remove(h.dir().QEMULock()), os.Remove(h.dir().RunFile()))
	},
	"damaged": func(h *fakeHost) error {
		garbage := replaced(func(path string) error { return os.WriteFile(path, []byte("{garbage"), 0o600) })
		return errors.Join(garbage(h.dir().HostagentLock()), garbage(h.dir().QEMULock()), garbage(h.dir().RunFile()))
	},
}

// TestStateAndLocksLost: what runs is found by its sockets when neither the state nor a lock says
// that it does. It goes on, also without its hostagent, and nothing outlives a deletion.
func TestStateAndLocksLost(t *testing.T) {
	for name, lose := range losses {
		for _, served := range []bool{true, false} {
			for _, deleted := range []bool{true, false} {
				t.Run(name+map[bool]string{true: " served", false: " orphaned"}[served]+map[bool]string{true: " deleted"}[deleted], func(t *testing.T) {
					stateAndLocksLost(t, lose, served, deleted)
				})
			}
		}
	}
}

func stateAndLocksLost(t *testing.T, lose func(h *fakeHost) error, served, remove bool) {
	h := newFakeHost(t)
	e, before := running(t, h)
	run := h.run(t)
	if !served {
		must(t, run.Hostagent.Signal(syscall.SIGKILL))
		must(t, run.Hostagent.Wait(t.Context()))
	}
	must(t, lose(h))
	if remove {
		must(t, e.Delete(t.Context(), owner, "x"))
		await(t, e, "deleted", deleted)
		if run.Hostagent.Alive() || run.QEMU.Alive() {
			t.Error("a process outlives its instance")
		}
		return
	}
	state, err := e.Observe(t.Context(), "x")
	must(t, err)
	if state.Phase == vm.PhaseStopped {
		t.Errorf("it runs, and counts as stopped: %+v", state)
	}
	adopting(t, e)
	after := await(t, e, "running again", in(vm.PhaseRunning))
	if after.BootID != before.BootID || !run.QEMU.Alive() {
		t.Errorf("another machine runs: %+v, before %+v", after, before)
	}
	if served && !run.Hostagent.Alive() {
		t.Error("its hostagent was replaced")
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
	if run.QEMU.Alive() {
		t.Error("QEMU outlives a stop")
	}
}
