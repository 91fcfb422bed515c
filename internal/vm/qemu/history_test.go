// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"os"
	"slices"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

func TestHistory(t *testing.T) {
	e := New(Config{LimaHome: t.TempDir()})
	dir := vmdir.In(e.config.LimaHome, "x")
	if err := os.Mkdir(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if steps, err := e.History(t.Context(), "x"); steps != nil || err != nil {
		t.Errorf("never started: %+v, %v", steps, err)
	}
	const booting = `"status":{},"phase":"Starting","progress":{"step":"booting","index":2,"total":5,"since":"2031-01-01T00:00:00Z"}}`
	lines := `{"time":"2031-01-01T00:00:00Z",` + booting + "\n" +
		`{"time":"2031-01-01T00:00:01Z",` + booting + `
garbage
{"time":"2031-01-01T00:01:00Z","status":{"running":true},"phase":"Running"}
{"time":"2031-01-01T00:01:30Z","status":{"running":true,"portForward":{"type":"forwarding"}},"phase":"Running"}
{"time":"2031-01-01T00:02:00Z","status":{"exiting":true,"errors":["QEMU ended\nbadly"]},"phase":"Stopped"}
{"time":"2031-01-01T00:03:00Z","phase":"cut o`
	if err := os.WriteFile(dir.HostagentStdout(), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := e.History(t.Context(), "x")
	began := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	want := []vm.Step{
		{Time: began, Phase: vm.PhaseStarting, Name: "booting", Index: 2, Total: 5},
		{Time: began.Add(time.Minute), Phase: vm.PhaseRunning},
		{Time: began.Add(2 * time.Minute), Phase: vm.PhaseStopped, Failure: "QEMU ended\nbadly"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}
