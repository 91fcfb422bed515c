// SPDX-License-Identifier: Apache-2.0

package why

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu"
)

func TestWhyText(t *testing.T) {
	at := metav1.NewTime(time.Date(2031, 5, 6, 7, 8, 9, 0, time.Local))
	report := report{Cause: explain.Cause{Summary: "It does not start.", Detail: []string{"line"}, Next: "rdd start"}}
	for i := range shownEntries + 2 {
		report.Timeline = append(
			report.Timeline, explain.Entry{Time: at, Kind: explain.KindEvent, Warning: i%2 == 1, Text: fmt.Sprint("entry ", i)},
		)
	}
	var out strings.Builder
	report.text(&out, false)
	want := "It does not start.\n  line\nNext: rdd start\n\n(2 earlier entries; to see them: --all)\n2031-05-06\n07:08:09  event      entry " +
		"2\n07:08:09 !event      entry 3\n"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	report.text(&out, true)
	if !strings.Contains(out.String(), "entry 0\n") {
		t.Errorf("--all leaves out entries:\n%s", out.String())
	}
	data, err := json.Marshal(report)
	if err != nil || !bytes.Contains(data, []byte(`"timeline":[{"time":`)) {
		t.Errorf("as JSON: %s, %v", data, err)
	}
}

// TestReportWithoutHistory: scripts can always go through the time line.
func TestReportWithoutHistory(t *testing.T) {
	for name, about := range map[string]string{"": "App", "dev": "dev"} {
		data, err := json.Marshal(reportOn(explain.Facts{VMName: name}, name))
		if err != nil || !bytes.Contains(data, []byte(`"timeline":[]`)) || !bytes.Contains(data, []byte(`"about":"`+about+`"`)) {
			t.Errorf("%q: %s, %v", name, data, err)
		}
	}
}

func TestGatherWithoutAnything(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "RDD_INSTANCE"} {
		t.Setenv(name, "")
	}
	facts, err := gather(context.Background(), &session.Session{}, "")
	if err != nil || explain.Find(*facts).Code != explain.CodeNoInstance {
		t.Errorf("got %v, %v", facts, err)
	}
	if _, err := gather(context.Background(), &session.Session{}, "../etc"); err == nil {
		t.Error("a name that leads elsewhere is looked at")
	}
}

func TestPhases(t *testing.T) {
	engine := qemu.New(qemu.Config{LimaHome: t.TempDir()})
	directory, err := engine.Directory(t.Context(), "dev")
	if !errors.Is(err, vm.ErrNotFound) {
		t.Fatal(err)
	}
	if err := os.Mkdir(directory.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := engine.LogFile(t.Context(), "dev", "events")
	if err != nil {
		t.Fatal(err)
	}
	const booting = `"status":{},"phase":"Starting","progress":{"step":"booting","index":2,"total":5,"since":"2031-01-01T00:00:00Z"}}`
	lines := `{"time":"2031-01-01T00:00:00Z",` + booting + "\n" +
		`{"time":"2031-01-01T00:00:01Z",` + booting + `
garbage
{"time":"2031-01-01T00:01:00Z","status":{"running":true},"phase":"Running"}
{"time":"2031-01-01T00:02:00Z","status":{"exiting":true,"errors":["QEMU ended\nbadly"]},"phase":"Stopped"}
{"time":"2031-01-01T00:03:00Z","phase":"cut o`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	steps, err := engine.History(t.Context(), "dev")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range phases(steps) {
		got = append(got, p.Time.UTC().Format(time.TimeOnly)+" "+p.Text)
	}
	want := []string{"00:00:00 Starting: booting 2/5", "00:01:00 Running", "00:02:00 Stopped: QEMU ended …"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if phases(nil) != nil {
		t.Error("a machine that was never started has phases")
	}
}

func TestConsole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serial.log")
	if err := os.WriteFile(path, []byte("\x1b[2J\x1b[1mone\x1b[0m\r\n\r\n\xfftwo\x07\r\n"+strings.Repeat("x", logTailBytes)+
		"\nlast: "), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, at := console(path); !slices.Equal(got, []string{"last:"}) || at.IsZero() {
		t.Errorf("got %q", got)
	}
	if err := os.WriteFile(path, []byte("\x1b[2J\x1b[1mone\x1b[0m\r\n\r\n\xfftwo\x07\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := console(path); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q", got)
	}
}

func TestLastFailure(t *testing.T) {
	inst := instance.Instance{Dir: t.TempDir()}
	if got := lastFailure(inst); got != nil {
		t.Errorf("without a failure: %q", got)
	}
	if err := presence.NewFailure(time.Now(), errors.New("the store is damaged\nboom")).Save(inst); err != nil {
		t.Fatal(err)
	}
	if got := lastFailure(inst); !slices.Equal(got, []string{"the store is damaged", "boom"}) {
		t.Errorf("got %q", got)
	}
}
