// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// mostResident is how much memory a hostagent may ever have used: several times what one has that
	// serves a good guest, and less than a flood.
	mostResident = 160 << 20
	// mostRecord is the largest run.json: hundreds of forwards.
	mostRecord = 256 << 10
	// answersWithin bounds the answer of a hostagent whose guest is hostile.
	answersWithin = 5 * time.Second
	// pollPause leaves the processor to the flood.
	pollPause = 10 * time.Millisecond
)

// TestHostileGuest: whatever a guest, or the QEMU that it has taken over, does, the hostagent
// answers, its memory and files stay bounded, the state says what is wrong where something is, and
// the machine can be stopped.
func TestHostileGuest(t *testing.T) {
	for _, tc := range []struct {
		guest hostility
		phase vm.Phase
		// fault is a part of the failure of a start that fails.
		fault string
		check func(*testing.T, *fakeHost, *qemu.Engine)
	}{
		{guest: floodsConsole, phase: vm.PhaseRunning, check: awaitSmallLogs},
		{guest: greetsEndlessly, phase: vm.PhaseStarting},
		{guest: greetsSlowly, phase: vm.PhaseStarting},
		{guest: opensNothing, phase: vm.PhaseStarting},
		{guest: saysNothing, phase: vm.PhaseStarting},
		{guest: answersALot, phase: vm.PhaseStopped, fault: "the guest's answer is too long: more than 65536 bytes"},
		{guest: fakesBootID, phase: vm.PhaseStopped, fault: "the guest's boot id is none"},
		{guest: fakesStatus, phase: vm.PhaseStopped, fault: "the guest's provision script failed with exit code it failed it failed : "},
		{guest: asksALot, phase: vm.PhaseRunning},
		{guest: reportsALot, phase: vm.PhaseRunning, check: awaitLeftOut},
		{guest: reportsNoLine, phase: vm.PhaseRunning},
		{guest: endsItsWatch, phase: vm.PhaseRunning, check: logs("watching it again")},
		{guest: hasNoTime, phase: vm.PhaseRunning, check: logs("setting the guest's clock")},
		{guest: speaksNoQMP, phase: vm.PhaseRunning, check: logs("malformed QMP message")},
		{guest: sendsLongQMP, phase: vm.PhaseRunning, check: logs("malformed QMP message: longer than")},
		{guest: sendsDeepQMP, phase: vm.PhaseRunning, check: logs("malformed QMP message")},
		{guest: sendsManyQMP, phase: vm.PhaseRunning},
	} {
		t.Run(string(tc.guest), func(t *testing.T) {
			h := newFakeHost(t)
			e := created(t, h)
			writeFakeGuest(t, h.dir(), fakeGuest{Hostile: tc.guest})
			must(t, e.Start(t.Context(), owner, "x"))
			state := await(t, e, string(tc.phase), in(tc.phase))
			if tc.fault != "" {
				checkFault(t, state, tc.fault)
				checkFiles(t, h)
				return
			}
			awaitFile(t, filepath.Join(string(h.dir()), fakeHostileFile))
			checkAnswers(t, h)
			if tc.check != nil {
				tc.check(t, h, e)
			}
			checkAnswers(t, h)
			checkFiles(t, h)
			must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
			await(t, e, "stopped", in(vm.PhaseStopped))
		})
	}
}

// TestAdoptedGuestThatIsNotReached: a machine that ran has work to lose. It runs on when nobody can
// log in to its guest after its adoption, and can be stopped.
func TestAdoptedGuestThatIsNotReached(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	writeFakeGuest(t, h.dir(), fakeGuest{Hostile: forgetsBootID})
	must(t, e.Start(t.Context(), owner, "x"))
	before := await(t, e, "running", in(vm.PhaseRunning))
	killHostagent(t, h.dir())
	awaitLog(t, h, "reaching the guest of a machine that was adopted")
	after, err := e.Observe(t.Context(), "x")
	must(t, err)
	if after.Phase != vm.PhaseRunning || after.Failure != nil || after.StartID != before.StartID {
		t.Errorf("got %+v", after)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
}

// TestQEMUThatIsEnding: its connections break before its process is gone. That is the end of the
// machine, not a failure of what was being asked.
func TestQEMUThatIsEnding(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	writeFakeGuest(t, h.dir(), fakeGuest{Hostile: diesBadly})
	must(t, e.Start(t.Context(), owner, "x"))
	state := await(t, e, "failed", func(s vm.State, err error) bool { return err == nil && s.Failure != nil })
	if kind := state.Failure.Fault.Kind; kind != vm.FaultProcessEnded {
		t.Errorf("got %+v", *state.Failure.Fault)
	}
}

// awaitFile waits until a file exists.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); ; <-time.After(pollPause) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is no %s", path)
		}
	}
}

func checkFault(t *testing.T, state vm.State, part string) {
	t.Helper()
	if state.Failure == nil || !strings.Contains(state.Failure.Fault.Text, part) {
		t.Fatalf("got %+v, want %q in it", state.Failure, part)
	}
	if text := state.Failure.Fault.Text; len(text) > 40<<10 || strings.Contains(text, "\x1b") {
		t.Errorf("the text has %d bytes", len(text))
	}
}

// checkAnswers asks the hostagent what it is doing, and measures its memory.
func checkAnswers(t *testing.T, h *fakeHost) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answersWithin)
	defer cancel()
	info, err := protocol.NewClient(h.dir().HostagentSocket()).Info(ctx)
	if err != nil || info.Name != "x" {
		t.Fatalf("the hostagent does not answer: %+v, %v", info, err)
	}
	if most := peakMemory(t, info.PID); most > mostResident {
		t.Errorf("the hostagent has used %d MiB", most>>20)
	}
}

// peakMemory returns the peak of a process's resident memory in bytes (VmHWM in proc(5)).
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil || !found {
		t.Fatalf("no VmHWM in %s: %v", status, err)
	}
	return kilobytes << 10
}

// checkFiles checks the sizes of what the hostagent writes. QEMU's logs are cut within a second.
func checkFiles(t *testing.T, h *fakeHost) {
	t.Helper()
	dir := h.dir()
	for path, most := range map[string]int64{
		dir.RunFile(): mostRecord, dir.HostagentStdout(): vmdir.MaxLog, dir.HostagentStderr(): vmdir.MaxLog,
	} {
		if size := sizeOf(path); size > most {
			t.Errorf("%s has %d bytes", path, size)
		}
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// awaitSmallLogs waits until the logs of a QEMU that writes as fast as it can are small again, and
// stay so once all of the flood is written.
func awaitSmallLogs(t *testing.T, h *fakeHost, _ *qemu.Engine) {
	t.Helper()
	for _, path := range []string{h.dir().Serial(), h.dir().QEMULog()} {
		for deadline := time.Now().Add(waitTimeout); ; <-time.After(pollPause) {
			if old := sizeOf(logfile.Old(path)); old > 0 && old+sizeOf(path) <= 3*vmdir.MaxLog {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has %d bytes, the old one %d", path, sizeOf(path), sizeOf(logfile.Old(path)))
			}
		}
	}
	if tail, err := logfile.End(h.dir().Serial(), 100); err != nil || !strings.HasSuffix(tail, "console\n") {
		t.Errorf("the end of the console is %q, %v", tail, err)
	}
}

// awaitLeftOut waits for forwards that are left out, and checks that they say why.
func awaitLeftOut(t *testing.T, h *fakeHost, e *qemu.Engine) {
	t.Helper()
	const most = 520 // with those that are left out
	await(t, e, "ports left out", func(s vm.State, err error) bool {
		return err == nil && slices.ContainsFunc(s.Forwards, func(f vm.Forward) bool {
			return strings.HasPrefix(f.Error, "a machine has at most 500 forwards")
		})
	})
	state, err := e.Observe(t.Context(), "x")
	must(t, err)
	if len(state.Forwards) > most {
		t.Errorf("%d forwards", len(state.Forwards))
	}
	if socket := forwardOf(state, dockerForward(h.dir()).Host); !works(socket) {
		t.Errorf("the template's own forward: %+v", socket)
	}
}

// logs waits until the hostagent's log has a text.
func logs(text string) func(*testing.T, *fakeHost, *qemu.Engine) {
	return func(t *testing.T, h *fakeHost, _ *qemu.Engine) {
		t.Helper()
		awaitLog(t, h, text)
	}
}
