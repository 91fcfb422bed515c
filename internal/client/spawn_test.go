// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// TestNotStarted checks that the output of a daemon that exits without a report is shown, and saved
// as its last failure. Other failures are saved by the daemon itself.
func TestNotStarted(t *testing.T) {
	inst := instance.Instance{Name: "t", Dir: t.TempDir(), LogDir: t.TempDir()}
	if err := os.WriteFile(presence.LogFile(inst), []byte("old\npanic: boom\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for report, want := range map[error]string{
		presence.ErrUnready:      "goes on starting; to see how far it is: rdd service status, rdd service logs: context canceled",
		errors.New("a bad day"):  "the daemon did not start: a bad day",
		errors.New("a\nbad day"): "the daemon did not start: a\nbad day",
	} {
		if err := notStarted(ended, inst, report, 0); !errors.Is(err, report) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v became %v", report, err)
		}
	}
	if err := notStarted(t.Context(), inst, nil, 0); err != nil {
		t.Errorf("a daemon that is ready: %v", err)
	}
	if failure, err := presence.LastFailure(inst); failure != nil || err != nil {
		t.Errorf("kept is %v, %v", failure, err)
	}
	err := notStarted(t.Context(), inst, presence.ErrNoReport, int64(len("old\n")))
	if !errors.Is(err, presence.ErrNoReport) || !strings.HasSuffix(err.Error(), presence.LogFile(inst)+":\n  panic: boom") {
		t.Errorf("without a report: %v", err)
	}
	failure, err := presence.LastFailure(inst)
	if err != nil || failure == nil || !slices.Contains(failure.Lines, "  panic: boom") {
		t.Errorf("kept is %+v, %v", failure, err)
	}
}
