// SPDX-License-Identifier: Apache-2.0

//go:build linux

package qemu_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// fakePauseFile in the instance directory has the fake QEMU stop its guest; it holds a JSON
	// fakePause. While it is there the guest stops again whenever it is resumed, unless somebody has
	// paused it.
	fakePauseFile = "fake-pause"
	// fakeRoomFile holds the bytes that are free on the fake host.
	fakeRoomFile = "fake-room"
)

// fakePause says how QEMU stops the guest.
type fakePause struct {
	// Status is QEMU's run state.
	Status string
	// Reason is the host's error of a write, for the state io-error.
	Reason string
}

// fakePauses are what QEMU was seen to do for each reason.
var fakePauses = map[vm.PauseReason]fakePause{
	vm.PauseDiskFull:   {Status: "io-error", Reason: syscall.ENOSPC.Error()},
	vm.PauseQuota:      {Status: "io-error", Reason: syscall.EDQUOT.Error()},
	vm.PauseDiskFailed: {Status: "io-error", Reason: syscall.EIO.Error()},
	vm.PauseRequested:  {Status: "paused"},
	vm.PauseSuspended:  {Status: "suspended"},
}

func (p fakePause) full() bool { return strings.EqualFold(p.Reason, syscall.ENOSPC.Error()) }

// runState is whether a fake QEMU runs its guest.
type runState struct {
	mu    sync.Mutex
	conn  io.Writer // to the client of QMP; nil without one
	pause fakePause // the zero fakePause: it runs
}

// watchPause stops the guest when a test wants that.
func (m *fakeMachine) watchPause() {
	path := filepath.Join(m.dir, fakePauseFile)
	for before := ""; ; <-time.After(10 * time.Millisecond) {
		data, _ := os.ReadFile(path)
		now := string(data)
		if now == before {
			continue
		}
		before = now
		var pause fakePause
		if json.Unmarshal(data, &pause) == nil {
			m.state.mu.Lock()
			m.state.stop(pause)
			m.state.mu.Unlock()
		}
	}
}

// stop stops the guest, and says so. The state is locked.
func (s *runState) stop(pause fakePause) {
	if pause.Status == "io-error" {
		s.event("BLOCK_IO_ERROR", fmt.Sprintf(
			`{"device":"","node-name":"disk0","operation":"write","action":"stop","nospace":%t,"reason":%q}`, pause.full(), pause.Reason,
		))
	}
	s.pause = pause
	s.event("STOP", "{}")
}

func (s *runState) event(name, data string) {
	if s.conn != nil {
		fmt.Fprintf(s.conn, `{"event":%q,"data":%s,"timestamp":{"seconds":1,"microseconds":1}}`+"\n", name, data)
	}
}

// serve remembers the client.
func (s *runState) serve(conn io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
}

// answer runs the commands that are about the guest's state; false for others.
func (m *fakeMachine) answer(command string) (string, bool) {
	s := &m.state
	s.mu.Lock()
	defer s.mu.Unlock()
	switch command {
	case "query-status":
		if s.pause.Status == "" {
			return `{"running":true,"status":"running"}`, true
		}
		return fmt.Sprintf(`{"running":false,"status":%q}`, s.pause.Status), true
	case "query-block":
		status := "ok"
		if s.pause.Status == "io-error" {
			status = map[bool]string{true: "nospace", false: "failed"}[s.pause.full()]
		}
		return fmt.Sprintf(`[{"io-status":"ok"},{"io-status":%q,"inserted":{"file":%q}}]`, status, filepath.Join(m.dir, vmdir.DiskName)), true
	case "cont", "system_wakeup":
		_, err := os.Stat(filepath.Join(m.dir, fakePauseFile))
		again := err == nil && s.pause.Status != "paused"
		before := s.pause
		s.pause = fakePause{}
		s.event("RESUME", "{}")
		if again && before.Status != "" {
			s.stop(before)
		}
		return `{}`, true
	}
	return "", false
}

// stopped reports whether the guest does not run.
func (m *fakeMachine) stopped() bool {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	return m.state.pause.Status != ""
}

// pauseFake has the guest of an instance stopped for a reason. The function that it returns takes
// the cause away.
func (h *fakeHost) pauseFake(t *testing.T, name string, reason vm.PauseReason) func() {
	t.Helper()
	dir := vmdir.In(h.home, name)
	if reason == vm.PauseProcess {
		run, err := dir.ReadRun()
		must(t, err)
		kill(t, run.QEMU, syscall.SIGSTOP)
		return func() {}
	}
	path := filepath.Join(string(dir), fakePauseFile)
	if reason == vm.PauseDiskFull {
		setRoom(t, dir, 0)
	}
	data, err := json.Marshal(fakePauses[reason])
	must(t, err)
	must(t, atomicfile.Write(path, data, 0o600))
	return func() {
		must(t, os.Remove(path))
		setRoom(t, dir, 1<<30)
	}
}

// setRoom sets what is free on the fake host.
func setRoom(t *testing.T, dir vmdir.Dir, bytes int64) {
	t.Helper()
	must(t, atomicfile.Write(filepath.Join(string(dir), fakeRoomFile), []byte(strconv.FormatInt(bytes, 10)), 0o600))
}

// fakeRoom reads what setRoom has set; plenty when it has not.
func fakeRoom(path string) (int64, error) {
	data, err := os.ReadFile(filepath.Join(filepath.Dir(path), fakeRoomFile))
	if err != nil {
		return 1 << 40, nil //nolint:nilerr // not set
	}
	return strconv.ParseInt(string(data), 10, 64)
}
