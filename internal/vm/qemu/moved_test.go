// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

// TestRunningMachineIsMoved: a machine that runs does not notice that the directories of its
// instance move below hidden parents. It is followed, adopted, stopped and deleted as any other,
// also after somebody has removed the link.
func TestRunningMachineIsMoved(t *testing.T) {
	h := newFakeHost(t)
	dir := filepath.Dir(h.home)
	inst := instance.Instance{
		Name: "2", Dir: filepath.Join(dir, "rancher-desktop-2"), LogDir: filepath.Join(dir, "logs", "rancher-desktop-2"),
		ShortDir: filepath.Join(dir, ".rd2"), CacheDir: filepath.Join(dir, "cache"),
	}
	h.home = inst.LimaHome()
	must(t, os.MkdirAll(h.home, 0o700))
	e, _ := running(t, h)
	before := h.run(t)

	must(t, inst.MakeDirs())
	if target, err := os.Readlink(inst.ShortDir); err != nil || target != ".rd.d/2" {
		t.Fatalf("the directory did not move: %q, %v", target, err)
	}
	if state, err := e.Observe(t.Context(), "x"); err != nil || state.Phase != vm.PhaseRunning {
		t.Errorf("after the move: %+v, %v", state, err)
	}
	must(t, os.Remove(inst.ShortDir))
	must(t, inst.Relink())
	e = h.engine(t)
	adopting(t, e)
	kill(t, before.Hostagent, syscall.SIGKILL)
	await(t, e, "adopted", func(s vm.State, err error) bool {
		now := h.run(t)
		return err == nil && s.Phase == vm.PhaseRunning && now.Hostagent != nil && *now.Hostagent != *before.Hostagent && now.Hostagent.Alive()
	})
	if now := h.run(t).QEMU; *now != *before.QEMU {
		t.Errorf("the machine %+v became %+v", before.QEMU, now)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", func(_ vm.State, err error) bool { return err != nil })
}
