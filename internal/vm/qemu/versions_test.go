// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// otherHostagent is a hostagent of another version, as far as an engine sees it: locks, a socket,
// run.json.
type otherHostagent struct {
	t     *testing.T
	dir   vmdir.Dir
	stops chan string
	leave func() // lets go of the locks
	id    process.Identity
}

// newOtherHostagent serves the instance x from this process.
func newOtherHostagent(t *testing.T, dir vmdir.Dir, info string) *otherHostagent {
	t.Helper()
	o := &otherHostagent{t: t, dir: dir, stops: make(chan string, 1)}
	body := exec.Command("/bin/sleep", "600") // what is signalled when the test fails
	must(t, body.Start())
	t.Cleanup(func() { _, _ = body.Process.Kill(), body.Wait() })
	var err error
	o.id, err = process.Identify(body.Process.Pid)
	must(t, err)
	var locks []*flock.Lock
	for _, path := range []string{dir.HostagentLock(), dir.QEMULock()} {
		lock, err := flock.Try(path)
		must(t, err)
		locks = append(locks, lock)
	}
	o.leave = sync.OnceFunc(func() {
		for _, lock := range locks {
			_ = lock.Unlock()
		}
	})
	t.Cleanup(o.leave)
	listener, err := dir.Listen()
	must(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+protocol.InfoPath, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, info) })
	mux.HandleFunc("POST "+protocol.StopPath, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		o.stops <- string(body)
	})
	server := &http.Server{Handler: mux}
	go func(l net.Listener) { _ = server.Serve(l) }(listener)
	t.Cleanup(func() { _ = server.Close() })
	return o
}

// says replaces run.json by what another version writes; %s is its process.
func (o *otherHostagent) says(run string) {
	o.t.Helper()
	text := strings.ReplaceAll(run, "%s", fmt.Sprintf(`{"pid":%d,"startTime":%d,"bootID":%q}`, o.id.PID, o.id.StartTime, o.id.BootID))
	must(o.t, os.WriteFile(o.dir.RunFile()+".new", []byte(text), 0o600))
	must(o.t, os.Rename(o.dir.RunFile()+".new", o.dir.RunFile()))
}

// logged passes on each line of a log.
type logged chan string

func (l logged) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default: // nobody reads so many
	}
	return len(p), nil
}

// await waits for a line that contains text.
func (l logged) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(waitTimeout)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-deadline:
			t.Fatalf("the log does not say %q", text)
		}
	}
}

// TestHostagentsOfOtherVersions: an engine follows and stops a machine whose hostagent is older or
// newer than itself.
func TestHostagentsOfOtherVersions(t *testing.T) {
	for _, tc := range []struct{ name, info, run, log string }{
		{
			"older", `{"protocol":0,"binaryVersion":"old","name":"x"}`,
			`{"startID":"s","revision":"r","phase":"Running","progress":{"percent":0,"since":"2026-01-02T03:04:05Z"},"bootID":"b","sshPort":2222,` +
				`"accelerator":"tcg","wasRunning":true,"hostagent":%s}`,
			"hostagent of another version",
		},
		{
			"newer", `{"protocol":99,"binaryVersion":"new","name":"x","moods":["good"],"status":{"running":true,"mood":{"is":1}}}`,
			`{"startID":"s","revision":"r","phase":"Running","progress":{"step":"","percent":0,"mood":1},"bootID":"b","sshPort":2222,` +
				`"hostagent":%s,"accelerator":"tcg","moods":["good"],"forwards":[{"protocol":"tcp","host":"127.0.0.1:1","guest":"127.0.0.1:1",` +
				`"mood":"good"}]}`,
			"newer hostagent",
		},
		{
			"one that talks nonsense", `<html>`,
			`{"startID":"s","revision":"r","phase":"Running","bootID":"b","sshPort":2222,"accelerator":"tcg","hostagent":%s}`, "asking a hostagent",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newFakeHost(t)
			created(t, h)
			other := newOtherHostagent(t, h.dir(), tc.info)
			other.says(tc.run)
			log := make(logged, 100)
			e := h.engineWithLog(t, slog.New(slog.NewTextHandler(log, nil)))
			must(t, e.Watch(t.Context(), func(string) {}))
			state := await(t, e, "running", in(vm.PhaseRunning))
			if state.BootID != "b" || state.SSHPort != 2222 || state.RunningRevision != "r" || state.StartID != "s" {
				t.Errorf("%+v", state)
			}
			log.await(t, tc.log)
			checkOtherStops(t, e, other)
		})
	}
}

func checkOtherStops(t *testing.T, e *qemu.Engine, other *otherHostagent) {
	t.Helper()
	must(t, e.Start(t.Context(), owner, "x")) // it runs
	must(t, e.Stop(t.Context(), owner, "x", vm.StopShutdown))
	if got := <-other.stops; !strings.Contains(got, string(vm.StopShutdown)) {
		t.Errorf("told to stop by %q", got)
	}
	other.says(`{"startID":"s","phase":"Stopped","end":{"at":"2026-01-02T03:04:05Z","mood":"tired"},"hostagent":%s}`)
	other.leave()
	if state := await(t, e, "stopped", in(vm.PhaseStopped)); state.Failure != nil {
		t.Errorf("%+v", state)
	}
}
