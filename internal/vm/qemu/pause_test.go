// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestAGuestThatCannotGoOnEnds: QEMU keeps it, but nothing brings it back. It is started again as
// any other that ends by itself.
func TestAGuestThatCannotGoOnEnds(t *testing.T) {
	for status, says := range map[string]string{
		"internal-error": "internal error",
		"guest-panicked": "the guest's kernel panicked",
		"watchdog":       "its watchdog has fired",
		"shutdown":       "the guest has shut down",
	} {
		t.Run(status, func(t *testing.T) {
			h := newFakeHost(t)
			e, _ := running(t, h)
			h.stopFake(t, fakePause{Status: status})
			state := await(t, e, "ended", in(vm.PhaseStopped))
			if f := state.Failure; f == nil || f.Operation != vm.OperationRun || f.Fault.Kind != vm.FaultProcessEnded ||
				!strings.Contains(f.Fault.Text, says) {
				t.Errorf("%+v", state.Failure)
			}
		})
	}
}

// stopFake has QEMU stop the guest.
func (h *fakeHost) stopFake(t *testing.T, pause fakePause) {
	t.Helper()
	data, err := json.Marshal(pause)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(string(h.dir()), fakePauseFile), data, 0o600))
}

// TestPausedWhileBooting: a pause is reported before the guest was up, and a boot goes on after it.
func TestPausedWhileBooting(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	relieve := h.pauseFake(t, "x", vm.PauseDiskFull)
	must(t, e.Start(t.Context(), owner, "x"))
	state := await(t, e, "paused", func(s vm.State, err error) bool { return err == nil && s.Pause != nil })
	if want := h.dir().Disk(); state.Pause.Path != want || state.Pause.Missing != 16<<20 || !strings.Contains(state.Pause.Text, want) {
		t.Errorf("%+v", state.Pause)
	}
	setRoom(t, h.dir(), 10<<20)
	await(t, e, "less is missing", func(s vm.State, err error) bool { return err == nil && s.Pause != nil && s.Pause.Missing == 6<<20 })
	relieve()
	await(t, e, "running", func(s vm.State, err error) bool { return err == nil && s.Phase == vm.PhaseRunning && s.Pause == nil })
}

// TestPausedGuestsRunNoCommands: the command would hang, as QEMU accepts its connection.
func TestPausedGuestsRunNoCommands(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	h.pauseFake(t, "x", vm.PauseRequested)
	await(t, e, "paused", func(s vm.State, err error) bool { return err == nil && s.Pause != nil })
	_, err := e.RunInGuest(t.Context(), "x", vm.Command{Line: "true"})
	var unreachable *vm.UnreachableError
	if !errors.As(err, &unreachable) || !errors.Is(err, vm.ErrNotRunning) || !strings.Contains(err.Error(), "paused by somebody") {
		t.Errorf("%v", err)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
}

// TestDeleteOfAGuestThatHangsInItsBoot: it is ended at once, although it is being shut down.
func TestDeleteOfAGuestThatHangsInItsBoot(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	writeFakeGuest(t, h.dir(), fakeGuest{NoSSH: true, QuietPowerButton: true})
	must(t, e.Start(t.Context(), owner, "x"))
	if state := await(t, e, "starting", in(vm.PhaseStarting)); state.WasRunning {
		t.Errorf("%+v", state)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopping", in(vm.PhaseStopping))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", deleted)
}
