// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/adoption"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

var owner = vm.Owner{UID: "uid", Namespace: "default", Name: "x"}

// waitTimeout bounds waits. It is generous: only a test that hangs reaches it.
const waitTimeout = time.Minute

func spec(template string) vm.Spec {
	return vm.Spec{Name: "x", Owner: owner, Template: []byte(template), Revision: "revision of " + template}
}

// await waits until the state of x satisfies ok.
func await(t *testing.T, e *qemu.Engine, what string, ok func(vm.State, error) bool) vm.State {
	t.Helper()
	return awaitOf(t, e, "x", what, ok)
}

// awaitOf waits for an instance of another name.
func awaitOf(t *testing.T, e *qemu.Engine, name, what string, ok func(vm.State, error) bool) vm.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	err := e.Watch(ctx, func(string) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var last vm.State
	for {
		select {
		case <-wake:
		case <-ctx.Done():
			t.Fatalf("%s: not within %s; last seen: %+v", what, waitTimeout, last)
		}
		if last, err = e.Observe(ctx, name); ok(last, err) {
			return last
		}
	}
}

func in(want ...vm.Phase) func(vm.State, error) bool {
	return func(s vm.State, err error) bool { return err == nil && slices.Contains(want, s.Phase) }
}

func deleted(_ vm.State, err error) bool { return errors.Is(err, vm.ErrNotFound) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// created makes the instance x.
func created(t *testing.T, h *fakeHost) *qemu.Engine {
	t.Helper()
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	await(t, e, "created", in(vm.PhaseStopped))
	adopting(t, e)
	return e
}

// adopting adopts machines until the test ends, as a daemon's controller does.
func adopting(t *testing.T, e *qemu.Engine) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- adoption.Run(t.Context(), e, slog.New(slog.NewTextHandler(testWriter{t}, nil))) }()
	// Its watch makes LIMA_HOME, which must not come back while it is removed.
	t.Cleanup(func() {
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// running makes and starts the instance x.
func running(t *testing.T, h *fakeHost) (*qemu.Engine, vm.State) {
	t.Helper()
	e := created(t, h)
	must(t, e.Start(t.Context(), owner, "x"))
	return e, await(t, e, "running", in(vm.PhaseRunning))
}

func (h *fakeHost) dir() vmdir.Dir { return vmdir.In(h.home, "x") }

func (h *fakeHost) run(t *testing.T) vmdir.Run {
	t.Helper()
	run, err := h.dir().ReadRun()
	must(t, err)
	return run
}

// kill sends a signal to a process that may have ended already.
func kill(t *testing.T, id *process.Identity, sig syscall.Signal) {
	t.Helper()
	if id == nil {
		return
	}
	if err := id.Signal(sig); err != nil && !errors.Is(err, process.ErrGone) {
		t.Fatal(err)
	}
	if sig == syscall.SIGKILL {
		must(t, id.Wait(t.Context()))
	}
}

// reached asks the guest, through the forwarded socket, which boot it is.
func (h *fakeHost) reached(t *testing.T) string {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(string(h.dir()), "docker.sock"))
	must(t, err)
	defer conn.Close()
	answer, err := io.ReadAll(conn)
	must(t, err)
	return string(answer)
}

func TestHostagentKilledWhileRunning(t *testing.T) {
	h := newFakeHost(t)
	e, before := running(t, h)
	if got := h.reached(t); got != before.BootID {
		t.Fatalf("the socket leads to %q, want %q", got, before.BootID)
	}
	for range 3 {
		first := h.run(t).Hostagent
		kill(t, first, syscall.SIGKILL)
		await(t, e, "adopted", func(s vm.State, err error) bool {
			info, infoErr := protocol.NewClient(h.dir().HostagentSocket()).Info(t.Context())
			return err == nil && infoErr == nil && info.PID != first.PID && s.Phase == vm.PhaseRunning && h.run(t).Hostagent.PID == info.PID
		})
		after := await(t, e, "running", in(vm.PhaseRunning))
		if after.StartID != before.StartID || after.BootID != before.BootID || after.SSHPort != before.SSHPort {
			t.Fatalf("not the same machine: %+v, before %+v", after, before)
		}
		awaitReached(t, h, before.BootID)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	await(t, e, "stopped", in(vm.PhaseStopped))
}

// awaitReached waits until the guest is reached through the forwarded socket again.
func awaitReached(t *testing.T, h *fakeHost, bootID string) {
	t.Helper()
	path := filepath.Join(string(h.dir()), "docker.sock")
	deadline := time.Now().Add(waitTimeout)
	for time.Now().Before(deadline) {
		if conn, err := net.Dial("unix", path); err == nil {
			answer, _ := io.ReadAll(conn)
			conn.Close()
			if string(answer) == bootID {
				return
			}
		}
	}
	t.Fatal("the socket is not forwarded again")
}

// TestHostagentKilledAnywhere kills hostagents after random times, from the beginning of a start to
// the end of a stop. The guest that was started is the one that comes up, and a machine that was
// stopping stops.
func TestHostagentKilledAnywhere(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	found := map[string]int{}
	t.Cleanup(func() { t.Logf("seed %d; killed while: %v", seed, found) })
	for range 12 {
		must(t, e.Start(t.Context(), owner, "x"))
		start := await(t, e, "starting", in(vm.PhaseStarting, vm.PhaseRunning)).StartID
		killSoon(t, h, random, found)
		state := await(t, e, "started", in(vm.PhaseRunning, vm.PhaseStopped))
		if state.Phase == vm.PhaseStopped {
			// Killed before QEMU lived: reported, and a new start works.
			if state.Failure == nil {
				t.Fatalf("ended without a word: %+v", state)
			}
			found["no QEMU yet"]++
			awaitStart(t, e)
			state = await(t, e, "started again", in(vm.PhaseRunning))
		} else if state.StartID != start {
			t.Fatalf("another machine runs: %s, started was %s", state.StartID, start)
		}
		awaitReached(t, h, state.BootID)
		must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
		killSoon(t, h, random, found)
		await(t, e, "stopped", in(vm.PhaseStopped))
	}
}

// awaitStart starts the instance; one that is just ending is busy.
func awaitStart(t *testing.T, e *qemu.Engine) {
	t.Helper()
	await(t, e, "starting again", func(vm.State, error) bool {
		err := e.Start(t.Context(), owner, "x")
		if err != nil && !errors.Is(err, vm.ErrBusy) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// killSoon kills the hostagent within the next quarter of a second, and counts its phases then.
func killSoon(t *testing.T, h *fakeHost, random *rand.Rand, found map[string]int) {
	t.Helper()
	timer := time.NewTimer(time.Duration(random.Int64N(int64(250 * time.Millisecond))))
	defer timer.Stop()
	<-timer.C
	run := h.run(t)
	id := run.Hostagent
	if id == nil || !id.Alive() {
		if pid, err := process.SocketOwner(h.dir().HostagentSocket()); err == nil && pid != os.Getpid() {
			if found, err := process.Identify(pid); err == nil {
				id = &found
			}
		}
	}
	found[fmt.Sprintf("%s %s", run.Phase, run.Progress.Step)]++
	kill(t, id, syscall.SIGKILL)
}

func TestBothKilled(t *testing.T) {
	h := newFakeHost(t)
	e, before := running(t, h)
	run := h.run(t)
	kill(t, run.Hostagent, syscall.SIGSTOP) // or it would write down the end of QEMU
	kill(t, run.QEMU, syscall.SIGKILL)
	kill(t, run.Hostagent, syscall.SIGKILL)
	state := await(t, e, "stopped", in(vm.PhaseStopped))
	if state.Failure == nil || state.Failure.Operation != vm.OperationRun {
		t.Errorf("failure %v", state.Failure)
	}
	must(t, e.Start(t.Context(), owner, "x"))
	if after := await(t, e, "running again", in(vm.PhaseRunning)); after.StartID == before.StartID || after.Failure != nil {
		t.Errorf("%+v", after)
	}
}

func TestQEMUKilledIsReported(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	must(t, os.WriteFile(h.dir().Serial(), []byte("Kernel panic - not syncing\n"), 0o600))
	kill(t, h.run(t).QEMU, syscall.SIGKILL)
	state := await(t, e, "stopped", in(vm.PhaseStopped))
	if state.Failure == nil || state.Failure.Operation != vm.OperationRun || !strings.Contains(state.Failure.Fault.Text, "Kernel panic") {
		t.Errorf("failure %v", state.Failure)
	}
	for _, path := range []string{
		h.dir().SSHConfig(), h.dir().OwnSSHConfig(), h.dir().HostagentPID(), h.dir().HostagentSocket(),
		filepath.Join(string(h.dir()), "docker.sock"),
	} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was left behind", path)
		}
	}
}

// TestAStoppedHostagentHangsNobody sends SIGSTOP, after which the hostagent's sockets accept
// connections and never answer.
func TestAStoppedHostagentHangsNobody(t *testing.T) {
	h := newFakeHost(t)
	e, before := running(t, h)
	kill(t, h.run(t).Hostagent, syscall.SIGSTOP)
	state, err := e.Observe(t.Context(), "x")
	if err != nil || state.Phase != vm.PhaseRunning || state.BootID != before.BootID {
		t.Fatalf("%+v, %v", state, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := e.Stop(ctx, owner, "x", vm.StopShutdown); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a shutdown that nobody answers: %v", err)
	}
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	if state := await(t, e, "stopped by force", in(vm.PhaseStopped)); state.Failure != nil {
		t.Errorf("a stop is no failure: %v", state.Failure)
	}
}

// TestHostagentIsFoundByItsSocket: the engine has opened the socket and handed it down, and
// run.json cannot be read.
func TestHostagentIsFoundByItsSocket(t *testing.T) {
	h := newFakeHost(t)
	running(t, h)
	want := *h.run(t).Hostagent
	must(t, os.WriteFile(h.dir().RunFile(), []byte("damaged"), 0o600))
	id, err := h.dir().FindHostagent()
	must(t, err)
	if id != want {
		t.Errorf("got %+v, want %+v", id, want)
	}
}

func TestDeleteWithAStoppedHostagent(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	run := h.run(t)
	kill(t, run.Hostagent, syscall.SIGSTOP)
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", deleted)
	if run.Hostagent.Alive() || run.QEMU.Alive() {
		t.Error("a process outlives its instance")
	}
	if entries, err := os.ReadDir(h.home); err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.IsDir() }) {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestForeignProcessesAreLeftAlone: every file with a PID names a process of somebody else.
func TestForeignProcessesAreLeftAlone(t *testing.T) {
	h := newFakeHost(t)
	e, _ := running(t, h)
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	await(t, e, "stopped", in(vm.PhaseStopped))
	foreign := exec.Command("/bin/sleep", "600")
	must(t, foreign.Start())
	t.Cleanup(func() { _, _ = foreign.Process.Kill(), foreign.Wait() })
	pid := fmt.Appendln(nil, foreign.Process.Pid)
	must(t, os.WriteFile(h.dir().QEMUPID(), pid, 0o600))
	must(t, os.WriteFile(h.dir().HostagentPID(), pid, 0o600))
	id, err := process.Identify(foreign.Process.Pid)
	must(t, err)
	stale := id
	stale.StartTime--
	run := h.run(t)
	run.QEMU, run.Hostagent, run.End = &stale, &stale, nil
	lock, err := flock.Wait(t.Context(), h.dir().HostagentLock())
	must(t, err)
	must(t, h.dir().WriteRun(lock, run))
	must(t, lock.Unlock())
	must(t, e.Stop(t.Context(), owner, "x", vm.StopForce))
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", deleted)
	if !id.Alive() {
		t.Error("a foreign process was killed")
	}
}

// stuck is an image that never gets ready.
func stuck(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestDaemonDiesWhileCreating(t *testing.T) {
	h := newFakeHost(t)
	h.images.onEnsure(stuck)
	first := h.engine(t)
	must(t, first.Apply(t.Context(), spec(guestTemplate)))
	state := await(t, first, "creating", func(s vm.State, err error) bool { return err == nil && s.Progress.Percent == 42 })
	if state.Phase != vm.PhaseCreating || state.Owner != owner || state.Revision != "" {
		t.Errorf("%+v", state)
	}
	// Its lock ends with the process; here the directory looks as it does then.
	must(t, os.Remove(h.dir().WorkLock()))
	must(t, os.WriteFile(h.dir().Disk(), []byte("half a disk"), 0o600))
	h.images.onEnsure(func(context.Context) error { return nil })
	second := h.engine(t)
	if state := await(t, second, "found", in(vm.PhaseIncomplete)); state.Failure != nil {
		t.Errorf("%+v", state)
	}
	if err := second.Start(t.Context(), owner, "x"); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("starting what is incomplete: %v", err)
	}
	must(t, second.Apply(t.Context(), spec(guestTemplate)))
	await(t, second, "created", in(vm.PhaseStopped))
	must(t, second.Start(t.Context(), owner, "x"))
	await(t, second, "running", in(vm.PhaseRunning))
}

func TestCreateFails(t *testing.T) {
	h := newFakeHost(t)
	cause := &vm.HostError{Missing: "mmdebstrap", Hint: "sudo apt-get install mmdebstrap"}
	h.images.onEnsure(func(context.Context) error { return cause })
	log := make(logged, 100)
	e := h.engineWithLog(t, slog.New(slog.NewTextHandler(log, nil)))
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	state := await(t, e, "failed", func(s vm.State, err error) bool { return err == nil && s.Failure != nil })
	if state.Phase != vm.PhaseIncomplete || state.Failure.Operation != vm.OperationCreate || *state.Failure.Fault != *vm.FaultOf(cause) {
		t.Errorf("%+v", state)
	}
	h.images.onEnsure(func(context.Context) error { return nil })
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	if state := await(t, e, "created", in(vm.PhaseStopped)); state.Failure != nil {
		t.Errorf("%+v", state)
	}
	for len(log) > 0 {
		if line := <-log; strings.Contains(line, "mmdebstrap") {
			t.Errorf("a failure that is reported is logged, too: %s", line)
		}
	}
}

func TestDeleteWhileCreating(t *testing.T) {
	h := newFakeHost(t)
	h.images.onEnsure(stuck)
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	await(t, e, "creating", in(vm.PhaseCreating))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted", deleted)
}

func TestQEMUMissing(t *testing.T) {
	h := newFakeHost(t)
	t.Setenv("PATH", t.TempDir())
	if path, err := process.LookPath(fakeQEMUName); err == nil {
		t.Skipf("SKIPPED: QEMU is in %s, which is always looked into", path)
	}
	var host *vm.HostError
	err := h.engine(t).Apply(t.Context(), spec(guestTemplate))
	if !errors.As(err, &host) || host.Missing != fakeQEMUName || !strings.Contains(host.Hint, "apt-get install qemu-system-x86") {
		t.Errorf("got %v", err)
	}
	if _, err := h.engine(t).Observe(t.Context(), "x"); !errors.Is(err, vm.ErrNotFound) {
		t.Errorf("something was made: %v", err)
	}
}

func TestRefusedSpecs(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	for name, tc := range map[string]struct {
		change func(*vm.Spec)
		field  string
	}{
		"no YAML":          {func(s *vm.Spec) { s.Template = []byte("\tx: [") }, ""},
		"another scheme":   {func(s *vm.Spec) { s.Template = replace("rdd:docker", "https://x/y.img") }, "images[0].location"},
		"disk shrinks":     {func(s *vm.Spec) { s.Template = replace("20GiB", "10GiB") }, "disk"},
		"name":             {func(s *vm.Spec) { s.Name = "../x" }, "name"},
		"no owner":         {func(s *vm.Spec) { s.Owner.UID = "" }, "owner"},
		"unknown param":    {func(s *vm.Spec) { s.Params = map[string]string{"nope": "1"} }, "param.nope"},
		"too much memory":  {func(s *vm.Spec) { s.Template = replace("1GiB", "1000TiB") }, "memory"},
		"unsupported type": {func(s *vm.Spec) { s.Template = replace("vmType: qemu", "vmType: vz") }, "vmType"},
	} {
		s := spec(guestTemplate)
		tc.change(&s)
		err := e.Apply(t.Context(), s)
		var invalid *vm.InvalidSpecError
		if !errors.As(err, &invalid) || invalid.Field != tc.field {
			t.Errorf("%s: got %v, want field %q", name, err, tc.field)
		}
	}
	if state := await(t, e, "unchanged", in(vm.PhaseStopped)); state.Revision != spec(guestTemplate).Revision {
		t.Errorf("a refused spec changed the instance: %+v", state)
	}
}

func TestNameTooLongForSockets(t *testing.T) {
	h := newFakeHost(t)
	h.home = filepath.Join(h.home, strings.Repeat("d", 80))
	var invalid *vm.InvalidSpecError
	if err := h.engine(t).Apply(t.Context(), spec(guestTemplate)); !errors.As(err, &invalid) || invalid.Field != "name" {
		t.Errorf("got %v", err)
	}
}

func replace(from, to string) []byte { return []byte(strings.Replace(guestTemplate, from, to, 1)) }

// TestEditedByHand: lima.yaml is not what was applied, as after a crash between two writes.
func TestEditedByHand(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	must(t, os.WriteFile(h.dir().Template(), []byte("edited"), 0o600))
	if state, err := e.Observe(t.Context(), "x"); err != nil || state.Revision != "" || state.Phase != vm.PhaseStopped {
		t.Errorf("%+v, %v", state, err)
	}
	if err := e.Start(t.Context(), owner, "x"); !errors.Is(err, vm.ErrBusy) {
		t.Errorf("starting it: %v", err)
	}
	must(t, e.Apply(t.Context(), spec(guestTemplate)))
	if state, err := e.Observe(t.Context(), "x"); err != nil || state.Revision != spec(guestTemplate).Revision {
		t.Errorf("%+v, %v", state, err)
	}
}

// TestDamagedFiles: each record is unreadable once. It is rebuilt, and what was damaged is kept.
func TestDamagedFiles(t *testing.T) {
	h := newFakeHost(t)
	e := created(t, h)
	for _, path := range []string{h.dir().RecordFile(), h.dir().RecordCopy(), h.dir().RunFile()} {
		// By a rename: the adoption would repair it while it is empty, and an empty file is not
		// kept.
		must(t, atomicfile.Write(path, []byte("{"), 0o600))
		state, err := e.Observe(t.Context(), "x")
		if err != nil || state.Phase != vm.PhaseStopped || state.Owner != owner {
			t.Errorf("%s: %+v, %v", path, state, err)
		}
		awaitStart(t, e)
		await(t, e, "running", in(vm.PhaseRunning))
		must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
		await(t, e, "stopped", in(vm.PhaseStopped))
		if kept, err := filepath.Glob(path + ".damaged-*"); err != nil || len(kept) != 1 {
			t.Errorf("%s: kept %q, %v", path, kept, err)
		}
	}
	must(t, os.WriteFile(h.dir().RunFile(), []byte("{"), 0o600))
	must(t, e.Delete(t.Context(), owner, "x"))
	await(t, e, "deleted although run.json is damaged", deleted)
}

func TestProbeThatNeverPassesIsGivenUpByStop(t *testing.T) {
	h := newFakeHost(t)
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate+"probes: [{script: \"#!/bin/sh\\nexit 1\", description: never}]\n")))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "probing", func(s vm.State, err error) bool { return err == nil && s.Progress.Step == "probing" })
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	if state := await(t, e, "stopped", in(vm.PhaseStopped)); state.Failure != nil {
		t.Errorf("%+v", state)
	}
}

// TestProbesSeeParameters: a probe has the parameters in its environment, as provisioning scripts
// have them.
func TestProbesSeeParameters(t *testing.T) {
	h := newFakeHost(t)
	e := h.engine(t)
	probe := "param: {thing: \"it's $HOME\"}\nprobes: [{script: \"#!/bin/sh\\n[ \\\"$PARAM_thing\\\" = \\\"it's \\\\$HOME\\\" ]\"}]\n"
	must(t, e.Apply(t.Context(), spec(guestTemplate+probe)))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "x"))
	await(t, e, "running", in(vm.PhaseRunning))
}

// TestPortTaken: the port that the template gives is in use. The start fails and names who has it,
// and succeeds when the port is free again.
func TestPortTaken(t *testing.T) {
	h := newFakeHost(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	e := h.engine(t)
	must(t, e.Apply(t.Context(), spec(guestTemplate+fmt.Sprintf("ssh: {localPort: %d}\n", port))))
	await(t, e, "created", in(vm.PhaseStopped))
	must(t, e.Start(t.Context(), owner, "x"))
	state := await(t, e, "failed", func(s vm.State, err error) bool { return err == nil && s.Failure != nil })
	for _, want := range []string{fmt.Sprintf("ssh.localPort %d", port), fmt.Sprintf("process %d", os.Getpid()), "another port"} {
		if f := state.Failure.Fault; f.Kind != vm.FaultPort || f.Field != "ssh.localPort" || !strings.Contains(f.Text, want) {
			t.Errorf("got %+v, want %s", f, want)
		}
	}
	must(t, taken.Close())
	must(t, e.Start(t.Context(), owner, "x"))
	if state := await(t, e, "running", in(vm.PhaseRunning)); state.SSHPort != port {
		t.Errorf("port %d", state.SSHPort)
	}
}
