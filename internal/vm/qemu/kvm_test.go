// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
)

// kvmVariable makes KVM work for the fake QEMU.
const kvmVariable = "RDD_TEST_KVM_WORKS"

// fakeKVM does what QEMU does with KVM: a trial prints that a guest lives and runs on. Where KVM
// does not work, QEMU ends.
func fakeKVM(trial bool) error {
	if os.Getenv(kvmVariable) == "" {
		return errors.New("failed to set MSR 0x10a")
	}
	if trial {
		fmt.Println("rdd-guest-lives")
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		<-ended
	}
	return nil
}

// withKVM is an engine that chooses the accelerator, or is given one.
func withKVM(t *testing.T, accelerator string) *qemu.Engine {
	t.Helper()
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	must(t, f.Close())
	h := newFakeHost(t)
	h.accelerator = accelerator
	t.Setenv(kvmVariable, "1")
	return created(t, h)
}

// TestKVMThatEnds: what was found out about KVM is not true any more.
func TestKVMThatEnds(t *testing.T) {
	e := withKVM(t, "")
	start := func(want string) {
		t.Helper()
		must(t, e.Start(t.Context(), owner, "x"))
		s := await(t, e, "running or failed", in(vm.PhaseRunning, vm.PhaseStopped))
		if s.Phase != vm.PhaseRunning || s.Accelerator != want {
			t.Fatalf("got %+v, want it to run with %s", s, want)
		}
		must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
		await(t, e, "stopped", in(vm.PhaseStopped))
	}
	start("kvm")
	t.Setenv(kvmVariable, "")
	start("tcg")
	t.Setenv(kvmVariable, "1")
	start("tcg") // it is remembered
}

// TestKVMThatIsAskedFor is used whatever it does; the failure says how to do without.
func TestKVMThatIsAskedFor(t *testing.T) {
	e := withKVM(t, "kvm")
	t.Setenv(kvmVariable, "")
	must(t, e.Start(t.Context(), owner, "x"))
	s := await(t, e, "failed", func(s vm.State, _ error) bool { return s.Failure != nil })
	f := s.Failure.Fault
	if f.Kind != vm.FaultBoot || !strings.Contains(f.Text, "failed to set MSR") || !strings.Contains(f.Hint, "RDD_VM_ACCEL=tcg") {
		t.Errorf("got %+v", f)
	}
}
