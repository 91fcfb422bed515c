// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
)

// TestFailedUnits: a unit that the guest needs fails, and the machine's state says so while it
// runs.
func TestFailedUnits(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	const failed = "Id=containerd.service\nLoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus=1\n"
	writeFakeGuest(t, h.dir(), fakeGuest{Units: failed})
	must(t, e.Start(t.Context(), owner, "x"))
	state := await(t, e, "running with a failed unit", func(s vm.State, err error) bool {
		return err == nil && s.Phase == vm.PhaseRunning && len(s.FailedUnits) > 0
	})
	if want := []vm.FailedUnit{{Name: "containerd.service", Reason: "exit code 1"}}; !slices.Equal(state.FailedUnits, want) {
		t.Errorf("got %+v", state.FailedUnits)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	if stopped := await(t, e, "stopped", in(vm.PhaseStopped)); len(stopped.FailedUnits) > 0 {
		t.Errorf("stopped with %+v", stopped.FailedUnits)
	}
}

// TestNobodyLocksRDDOut: the sshd of a guest that has as many connections as it takes, and a guest
// without an sshd for rdd alone. The machine starts, a command gets in without the hostagent, and
// the machine is adopted.
func TestNobodyLocksRDDOut(t *testing.T) {
	for name, guest := range map[string]fakeGuest{"busy": {BusySSH: true}, "no sshd of rdd's own": {NoOwnSSH: true}} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHost(t)
			e := created(t, h)
			writeFakeGuest(t, h.dir(), guest)
			must(t, e.Start(t.Context(), owner, "x"))
			before := await(t, e, "running", in(vm.PhaseRunning))
			first := h.run(t).Hostagent
			kill(t, first, syscall.SIGSTOP)
			client, err := shell.Login(t.Context(), h.dir())
			must(t, err)
			var out bytes.Buffer
			code, err := sshx.Run(t.Context(), client, sshx.Command{Line: "echo in", Stdout: &out})
			if err != nil || code != 0 || out.String() != "in\n" {
				t.Errorf("got %q, %d, %v", out.String(), code, err)
			}
			must(t, client.Close())
			kill(t, first, syscall.SIGKILL)
			after := await(t, e, "adopted", func(s vm.State, err error) bool {
				run, runErr := h.dir().ReadRun()
				return err == nil && runErr == nil && s.Phase == vm.PhaseRunning && run.Hostagent != nil && run.Hostagent.PID != first.PID
			})
			if after.SSHPort != before.SSHPort || after.BootID != before.BootID {
				t.Errorf("adopted %+v, before %+v", after, before)
			}
			awaitReached(t, h, before.BootID)
			must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
			await(t, e, "stopped", in(vm.PhaseStopped))
			if _, err := os.Stat(h.dir().OwnSSHConfig()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("left behind: %v", err)
			}
		})
	}
}
