// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	began := time.Now()
	ended, end := context.WithCancel(t.Context())
	end()
	for report, want := range map[error]string{
		presence.ErrUnready:      "goes on starting; to see how far it is: rdd service status, rdd service logs: context canceled",
		errors.New("a bad day"):  "the daemon did not start: a bad day",
		errors.New("a\nbad day"): "the daemon did not start: a\nbad day",
	} {
		if err := notStarted(ended, inst, report, began, 0); !errors.Is(err, report) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v became %v", report, err)
		}
	}
	if err := notStarted(t.Context(), inst, nil, began, 0); err != nil {
		t.Errorf("a daemon that is ready: %v", err)
	}
	if failure, err := presence.LastFailure(inst); failure != nil || err != nil {
		t.Errorf("kept is %v, %v", failure, err)
	}
	err := notStarted(t.Context(), inst, presence.ErrNoReport, began, int64(len("old\n")))
	if !errors.Is(err, presence.ErrNoReport) || !strings.HasSuffix(err.Error(), presence.LogFile(inst)+":\n  panic: boom") {
		t.Errorf("without a report: %v", err)
	}
	failure, err := presence.LastFailure(inst)
	if err != nil || failure == nil || !slices.Contains(failure.Lines, "  panic: boom") {
		t.Errorf("kept is %+v, %v", failure, err)
	}
	if err := presence.NewFailure(time.Now(), errors.New("the store is lost")).Save(inst); err != nil {
		t.Fatal(err)
	}
	err = notStarted(t.Context(), inst, presence.ErrNoReport, began, 0)
	if err == nil || err.Error() != "the daemon did not start: the store is lost" {
		t.Errorf("a daemon that saved its failure and died: %v", err)
	}
	err = notStarted(t.Context(), inst, presence.ErrNoReport, time.Now().Add(time.Hour), 0)
	if !errors.Is(err, presence.ErrNoReport) {
		t.Errorf("with the failure of an earlier daemon: %v", err)
	}
}

// TestStartFails: whichever way a daemon ends before it is ready, whoever has started it is told
// why, and so is the instance's last failure.
func TestStartFails(t *testing.T) {
	for name, test := range map[string]struct {
		// script is run instead of the daemon; its descriptor 3 is the report.
		script string
		want   string
	}{
		"it reports": {"printf 'the disk is full' >&3; exit 1", "the daemon did not start: the disk is full"},
		"a fatal error": {
			`echo 'F1128 02:00:08.1 9 hooks.go:203] PostStartHook "x" failed: no' >&2; exit 255`, `it crashed: PostStartHook "x" failed: no`,
		},
		"a panic":       {"echo 'panic: boom' >&2; exit 2", "it crashed: panic: boom"},
		"no memory":     {"kill -KILL $$", "it was killed by signal 9 (killed); the kernel does that when memory is short"},
		"a signal":      {"kill -HUP $$", "it was killed by signal 1 (hangup)"},
		"an exit":       {"exit 7", "it ended without a word, with exit code 7"},
		"a usage error": {"echo 'Error: unknown flag' >&2; exit 1", "rdd.log:\n  Error: unknown flag"},
		"success":       {"exit 0", "it ended without a word"},
	} {
		t.Run(name, func(t *testing.T) {
			inst := instance.Instance{Name: "t", Dir: t.TempDir(), LogDir: t.TempDir()}
			script := filepath.Join(t.TempDir(), "daemon")
			if err := os.WriteFile(script, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			_, _, err := Start(t.Context(), inst, Program{Path: script}, true)
			if err == nil || !strings.HasPrefix(err.Error(), "the daemon did not start: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if test.want == "the daemon did not start: the disk is full" {
				return // a daemon that reports its failure has saved it
			}
			saved, err := presence.LastFailure(inst)
			if err != nil || saved == nil || !strings.Contains(strings.Join(saved.Lines, "\n"), test.want) {
				t.Errorf("saved %+v, %v", saved, err)
			}
		})
	}
}
