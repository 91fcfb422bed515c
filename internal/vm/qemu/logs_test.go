// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// TestTheDaemonRotatesLogs: where a hostagent hangs, and only in directories of ours.
func TestTheDaemonRotatesLogs(t *testing.T) {
	e := New(Config{LimaHome: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	for name, tc := range map[string]struct {
		engine  string
		size    int64
		rotated bool
	}{
		"large":            {vmdir.Engine, orphanLog + 1, true},
		"the-hostagents":   {vmdir.Engine, orphanLog, false},
		"somebody-elses":   {"other", orphanLog + 1, false},
		"with-no-log-here": {vmdir.Engine, 0, false},
	} {
		dir := vmdir.In(e.config.LimaHome, name)
		err := errors.Join(os.Mkdir(string(dir), 0o700), dir.WriteRecord(vmdir.Record{Engine: tc.engine, Owner: vm.Owner{UID: "u"}}))
		if tc.size > 0 {
			err = errors.Join(err, os.WriteFile(dir.Serial(), make([]byte, tc.size), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		e.rotateLogs()
		if _, err := os.Stat(logfile.Old(dir.Serial())); (err == nil) != tc.rotated {
			t.Errorf("%s: rotated %t, want %t", name, err == nil, tc.rotated)
		}
	}
}
