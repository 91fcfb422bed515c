// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

var ended = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TestRunKeepsTheFault: a daemon reads the fault that a hostagent has recorded.
func TestRunKeepsTheFault(t *testing.T) {
	d := Dir(t.TempDir())
	lock, err := flock.Try(d.HostagentLock())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*End{
		nil,
		{At: ended},
		{At: ended, Operation: vm.OperationStart, Fault: &vm.Fault{Kind: vm.FaultUnknown, Text: "boom"}},
		{At: ended, Operation: vm.OperationStart, Fault: &vm.Fault{
			Kind: vm.FaultScript, Field: vm.ScriptBoot, Missing: "m", Hint: "h", ExitCode: 4, Output: "a\nb", Text: "it failed: a\nb",
		}},
	} {
		if err := d.WriteRun(lock, Run{StartID: "s", End: want}); err != nil {
			t.Fatal(err)
		}
		run, err := d.ReadRun()
		if err != nil || !reflect.DeepEqual(run.End, want) {
			t.Errorf("got %+v, %v; want %+v", run.End, err, want)
		}
		if want != nil && want.Fault != nil && want.Fault.Text == "" {
			t.Error("writing took the text away")
		}
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}

// TestRunOfOtherVersions reads what hostagents wrote that knew less, or more.
func TestRunOfOtherVersions(t *testing.T) {
	d := Dir(t.TempDir())
	const head = `{"startID":"s","phase":"Stopped","end":{"at":"2026-01-02T03:04:05Z","operation":"start"`
	for text, want := range map[string]*vm.Fault{
		head + `,"failure":"boom"}}`: {Kind: vm.FaultUnknown, Text: "boom"},
		head + `}}`:                  nil,
		head + `,"failure":"boom","fault":{"kind":"Mood","mood":{"is":1}},"x":1}}`: {Kind: "Mood", Text: "boom"},
	} {
		if err := os.WriteFile(d.RunFile(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		run, err := d.ReadRun()
		if err != nil || run.End == nil || !run.End.At.Equal(ended) || !reflect.DeepEqual(run.End.Fault, want) {
			t.Errorf("%s: got %+v, %v", text, run.End, err)
		}
	}
}

// TestOlderDaemonsReadTheText: to them a failure is a string.
func TestOlderDaemonsReadTheText(t *testing.T) {
	fault := &vm.Fault{Kind: vm.FaultProcessEnded, Text: "it ended"}
	data, err := json.Marshal(Run{End: &End{At: ended, Operation: vm.OperationRun, Fault: fault}})
	if err != nil {
		t.Fatal(err)
	}
	var older struct {
		End *struct {
			At        time.Time    `json:"at"`
			Operation vm.Operation `json:"operation"`
			Failure   string       `json:"failure"`
		} `json:"end"`
	}
	if err := json.Unmarshal(data, &older); err != nil || older.End.Failure != "it ended" || older.End.Operation != vm.OperationRun {
		t.Errorf("%s is read as %+v, %v", data, older.End, err)
	}
}
