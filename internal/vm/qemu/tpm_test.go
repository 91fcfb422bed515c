// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// fakeTPM writes to its state and ends when its connection does, as swtpm.
const fakeTPM = `#!/bin/sh
for arg; do
    case "$arg" in
    dir=*) state=${arg#dir=} state=${state%%,*} ;;
    esac
done
echo started >>"$state/tpm2-00.permall"
exec cat <&3 >/dev/null
`

// withTPM makes a machine with a TPM.
func withTPM(t *testing.T) (*fakeHost, *qemu.Engine) {
	t.Helper()
	h := newFakeHost(t)
	must(t, os.WriteFile(filepath.Join(filepath.Dir(h.home), "bin", "swtpm"), []byte(fakeTPM), 0o700))
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate+"tpm: true\n")))
	await(t, e, "created", in(vm.PhaseStopped))
	return h, e
}

// startTPM starts the machine, and returns its QEMU and the swtpm that serves it.
func startTPM(t *testing.T, h *fakeHost, e *qemu.Engine) vmdir.Run {
	t.Helper()
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	run, err := h.dir().ReadRun()
	must(t, err)
	if run.TPM == nil || !run.TPM.Alive() {
		t.Fatalf("no swtpm serves %+v", run)
	}
	return run
}

func (h *fakeHost) stop(t *testing.T, e *qemu.Engine) {
	t.Helper()
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
}

// ended waits for the end of a process.
func ended(t *testing.T, id process.Identity) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	if err := id.Wait(ctx); err != nil {
		t.Errorf("process %d goes on: %v", id.PID, err)
		_ = id.Signal(syscall.SIGKILL)
	}
}

// TestTPM: a swtpm lives as long as its QEMU, however that ends, and the TPM keeps its state.
func TestTPM(t *testing.T) {
	h, e := withTPM(t)
	first := startTPM(t, h, e)

	// A hostagent that is killed leaves both alone, and the next one finds them.
	must(t, first.Hostagent.Signal(syscall.SIGKILL))
	ended(t, *first.Hostagent)
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "adopted", func(s vm.State, err error) bool {
		run, readErr := h.dir().ReadRun()
		return errors.Join(err, readErr) == nil && s.Phase == vm.PhaseRunning && *run.Hostagent != *first.Hostagent && run.Hostagent.Alive()
	})
	if run, err := h.dir().ReadRun(); err != nil || run.TPM == nil || *run.TPM != *first.TPM || !first.TPM.Alive() {
		t.Errorf("after the adoption: %+v, %v", run.TPM, err)
	}
	h.stop(t, e)
	ended(t, *first.TPM)

	second := startTPM(t, h, e)
	must(t, second.QEMU.Signal(syscall.SIGKILL))
	ended(t, *second.TPM)
	await(t, e, "ended", in(vm.PhaseStopped))

	third := startTPM(t, h, e)
	if *third.TPM == *second.TPM {
		t.Error("the same swtpm serves another QEMU")
	}
	state, err := os.ReadFile(filepath.Join(h.dir().TPM(), "tpm2-00.permall"))
	if err != nil || strings.Count(string(state), "started") != 3 {
		t.Errorf("the state of the TPM is %q, %v", state, err)
	}
	if info, err := os.Stat(h.dir().TPM()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "gone", deleted)
	ended(t, *third.TPM)
}

// TestTPMThatHangs is killed when its QEMU has ended.
func TestTPMThatHangs(t *testing.T) {
	for name, end := range map[string]func(*fakeHost, *qemu.Engine, vmdir.Run){
		"stop": func(h *fakeHost, e *qemu.Engine, _ vmdir.Run) { h.stop(t, e) },
		"delete": func(_ *fakeHost, e *qemu.Engine, _ vmdir.Run) {
			must(t, e.Delete(t.Context(), owner, "x"))
			await(t, e, "gone", deleted)
		},
		"everything is killed": func(h *fakeHost, e *qemu.Engine, run vmdir.Run) {
			must(t, errors.Join(run.Hostagent.Signal(syscall.SIGKILL), run.QEMU.Signal(syscall.SIGKILL)))
			ended(t, *run.Hostagent)
			ended(t, *run.QEMU)
			await(t, e, "ended", in(vm.PhaseStopped))
			startTPM(t, h, e)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, e := withTPM(t)
			run := startTPM(t, h, e)
			must(t, run.TPM.Signal(syscall.SIGSTOP))
			end(h, e, run)
			ended(t, *run.TPM)
		})
	}
}

// TestWithoutSWTPM is refused before anything is made, and at a start, with the package that is
// missing.
func TestWithoutSWTPM(t *testing.T) {
	h := newFakeHost(t)
	t.Setenv("PATH", filepath.Join(filepath.Dir(h.home), "bin"))
	check := func(err error) {
		t.Helper()
		var host *vm.HostError
		if !errors.As(err, &host) || !strings.HasPrefix(host.Missing, "swtpm") || host.Hint != "sudo apt-get install swtpm" {
			t.Errorf("got %v", err)
		}
	}
	e := h.engine(t)
	check(e.Apply(t.Context(), spec(guestTemplate+"tpm: true\n")))
	if _, err := os.Stat(string(h.dir())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Apply(t.Context(), spec(guestTemplate+"tpm: true\n")))
	check(e.Start(t.Context(), owner, "x"))
}
