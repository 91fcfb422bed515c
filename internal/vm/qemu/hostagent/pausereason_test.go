// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

func TestPauseOf(t *testing.T) {
	full := diskError{path: "/vm/disk", full: true, text: "No space left on device"}
	quota := diskError{path: "/vm/disk", text: "Disk quota exceeded"}
	for _, tc := range []struct {
		name    string
		state   string
		disk    diskError
		room    int64
		reason  vm.PauseReason
		missing int64
		says    string
	}{
		{"unknown", "", diskError{}, 0, "", 0, ""},
		{"no room at all", "io-error", full, 0, vm.PauseDiskFull, roomToResume, "16777216 bytes (16.0 MiB) more must be free"},
		{"some room", "io-error", full, roomToResume - 1, vm.PauseDiskFull, 1, "1 bytes (0.0 MiB) more"},
		{"room again", "io-error", full, 1 << 30, vm.PauseDiskFull, 0, "1024 MiB are free now"},
		{"found by an adopting hostagent", "io-error", diskError{path: "/vm/disk", full: true}, 0, vm.PauseDiskFull, roomToResume, "/vm/disk"},
		{"quota", "io-error", quota, 1 << 30, vm.PauseQuota, 0, "your disk quota on this host is used up, so /vm/disk"},
		{"I/O error", "io-error", diskError{path: "/vm/disk", text: "Input/output error"}, 0, vm.PauseDiskFailed, 0, "Input/output error"},
		{"too large", "io-error", diskError{path: "/vm/disk", text: "File too large"}, 0, vm.PauseDiskFailed, 0, "File too large"},
		{"an error that nobody knows", "io-error", diskError{path: "/vm/disk"}, 0, vm.PauseDiskFailed, 0, "I/O error"},
		{"by somebody", "paused", diskError{}, 0, vm.PauseRequested, 0, "through QEMU's monitor"},
		{"by a debugger", "debug", diskError{}, 0, vm.PauseRequested, 0, "its state is debug"},
		{"by a migration", "postmigrate", diskError{}, 0, vm.PauseRequested, 0, "its state is postmigrate"},
		{"asleep", "suspended", diskError{}, 0, vm.PauseSuspended, 0, "suspended itself"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := pauseOf(tc.state, tc.disk, tc.room)
			if tc.reason == "" {
				if got != nil {
					t.Fatalf("%+v", got)
				}
				return
			}
			if got.Reason != tc.reason || got.Missing != tc.missing || !strings.Contains(got.Text, tc.says) || got.Path != tc.disk.path {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestFinalStates: no state is both.
func TestFinalStates(t *testing.T) {
	for _, state := range []string{stateIOError, stateSuspended, "paused", "running", ""} {
		if _, final := finalStates[state]; final {
			t.Errorf("a guest goes on from %q", state)
		}
	}
}

// TestAlike: some bytes more or less are no news.
func TestAlike(t *testing.T) {
	full := func(room int64) *vm.Pause { return diskError{path: "/vm/disk", full: true}.pause(room) }
	failed := func(text string) *vm.Pause { return diskError{path: "/vm/disk", text: text}.pause(0) }
	const mib = 1 << 20
	for _, tc := range []struct {
		name          string
		before, after *vm.Pause
		want          bool
	}{
		{"the same", full(0), full(0), true},
		{"some bytes", full(8*mib + 1), full(8*mib + 4096), true},
		{"another MiB", full(8 * mib), full(9 * mib), false},
		{"the last byte", full(roomToResume - 1), full(roomToResume), false},
		{"room that changes", full(30 * mib), full(31 * mib), true},
		{"another error", failed("a"), failed("b"), false},
		{"another reason", full(0), failed("a"), false},
		{"another disk", full(0), diskError{path: "/vm/b", full: true}.pause(0), false},
	} {
		if got := alike(*tc.before, *tc.after); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
}
