// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
)

// startWithMount applies a template with one mount to x, starts it and waits for how that ends.
func startWithMount(t *testing.T, e *qemu.Engine, location string) vm.State {
	t.Helper()
	must(t, e.Apply(t.Context(), spec(guestTemplate+"mounts: [{location: \""+location+"\", mountPoint: /mnt/x}]\n")))
	must(t, e.Start(t.Context(), owner, "x"))
	return await(t, e, "running or failed", in(vm.PhaseRunning, vm.PhaseStopped))
}

// TestMachineSeesViews: a QEMU with views is found, adopted and ended as any other.
func TestMachineSeesViews(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	state := startWithMount(t, e, filepath.Dir(h.home))
	if state.Failure != nil && state.Failure.Fault.Kind == vm.FaultHost {
		t.Skipf("SKIPPED: %v", state.Failure)
	}
	if state.Phase != vm.PhaseRunning {
		t.Fatalf("%+v", state)
	}
	machine := h.run(t).QEMU
	args, err := process.CommandLine(machine.PID)
	must(t, err)
	if filepath.Base(args[0]) != fakeQEMUName {
		t.Errorf("the machine's process is %q", args)
	}
	view := filepath.Join(h.dir().Views(), "mount0")
	if !strings.Contains(strings.Join(args, " "), "path="+view+",") {
		t.Errorf("QEMU does not export the view: %q", args)
	}
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", machine.PID))
	must(t, err)
	if !strings.Contains(string(mounts), view+"/"+filepath.Base(h.home)+" ") {
		t.Errorf("nothing covers rdd's own directory in the view: %s", mounts)
	}

	kill(t, h.run(t).Hostagent, syscall.SIGKILL)
	state = await(t, e, "adopted", func(s vm.State, err error) bool {
		now := h.run(t)
		return err == nil && s.Phase == vm.PhaseRunning && now.Hostagent != nil && now.Hostagent.Alive()
	})
	if now := h.run(t).QEMU; *now != *machine {
		t.Errorf("the machine %+v became %+v: %+v", machine, now, state)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", func(_ vm.State, err error) bool { return err != nil })
}

// TestMountRefusals: the failure is one of the spec also when the hostagent finds it. It names the
// field and the remedy, and a corrected template ends it.
func TestMountRefusals(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	for location, want := range map[string]string{
		"/nowhere/at/all": "field `mounts[0].location` does not exist on this host: /nowhere/at/all; make it",
		h.home:            "field `mounts[0].location` must not be in rdd's own directory",
		"/proc":           "field `mounts[0].location` must not be or contain /proc",
	} {
		state := startWithMount(t, e, location)
		if state.Phase != vm.PhaseStopped || state.Failure == nil || !strings.Contains(state.Failure.Fault.Text, want) {
			t.Fatalf("%s: %+v, want %q", location, state, want)
		}
		if f := state.Failure.Fault; f.Kind != vm.FaultSpec || f.Field != "mounts[0].location" || vm.Retryable(f) {
			t.Errorf("%s: the hostagent's refusal became %+v", location, f)
		}
	}
	if state := startWithMount(t, e, t.TempDir()); state.Phase != vm.PhaseRunning {
		t.Errorf("%+v", state)
	}
}
