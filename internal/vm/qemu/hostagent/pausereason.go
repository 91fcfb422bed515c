// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"cmp"
	"fmt"
	"strings"
	"syscall"

	"rancherdesktop.io/rdd/internal/vm"
)

// roomToResume is how much must be free before a guest goes on whose disk had no room, in bytes. It
// would stop again at once with less.
const roomToResume = 16 << 20

// QEMU's run states that are decided by (qapi/run-state.json, RunState).
const (
	stateIOError   = "io-error"
	stateSuspended = "suspended"
)

// finalStates are the run states from which no guest goes on, with messages for people.
var finalStates = map[string]string{
	"internal-error": "QEMU cannot go on with the guest (internal error)",
	"guest-panicked": "the guest's kernel panicked",
	"watchdog":       "the guest hangs: its watchdog has fired",
	"shutdown":       "the guest has shut down, and QEMU was told to keep it",
}

// diskError is a write to one of the guest's disks that has failed, for which QEMU has stopped it.
type diskError struct {
	path string
	// full: there was no room.
	full bool
	// text is the host's error; empty when it is not known.
	text string
}

// pauseOf describes why a guest does not run that QEMU reports in a run state. disk is for the
// state io-error, and room is what is free at its path. It is nil for a state that is not known.
func pauseOf(state string, disk diskError, room int64) *vm.Pause {
	switch state {
	case "":
		return nil
	case stateIOError:
		return disk.pause(room)
	case stateSuspended:
		return &vm.Pause{Reason: vm.PauseSuspended, Text: "the guest has suspended itself, and is being woken"}
	default:
		text := "the guest was paused by somebody, through QEMU's monitor"
		if state != "paused" {
			text += fmt.Sprintf(" (its state is %.50s)", state)
		}
		return &vm.Pause{Reason: vm.PauseRequested, Text: text}
	}
}

// pause describes a guest whose disk could not be written.
func (d diskError) pause(room int64) *vm.Pause {
	const goesOn = "; the guest goes on by itself then"
	quota := strings.EqualFold(d.text, syscall.EDQUOT.Error())
	switch {
	case quota:
		return &vm.Pause{
			Reason: vm.PauseQuota, Path: d.path, Hint: "make room in your quota there, or have it raised" + goesOn,
			Text: fmt.Sprintf("the guest is paused: your disk quota on this host is used up, so %s cannot be written", d.path),
		}
	case d.full && room < roomToResume:
		missing := roomToResume - room
		return &vm.Pause{
			Reason: vm.PauseDiskFull, Path: d.path, Missing: missing, Hint: "make room there" + goesOn,
			Text: fmt.Sprintf("the guest is paused: the file system of %s is full: %s more must be free", d.path, size(missing)),
		}
	case d.full:
		return &vm.Pause{
			Reason: vm.PauseDiskFull, Path: d.path, Hint: "make room there" + goesOn,
			Text: fmt.Sprintf("the guest is paused: there was no room to write %s, and %s are free now", d.path, size(room)),
		}
	default:
		return &vm.Pause{
			Reason: vm.PauseDiskFailed, Path: d.path, Hint: "see what is wrong with this host's disk (dmesg)" + goesOn,
			Text: fmt.Sprintf("the guest is paused: %s cannot be written: %s", d.path, cmp.Or(d.text, "I/O error")),
		}
	}
}

// size is a number of bytes for people, rounded up.
func size(bytes int64) string {
	const mib = 1 << 20
	if bytes > 64*mib {
		return fmt.Sprintf("%d MiB", bytes/mib)
	}
	return fmt.Sprintf("%d bytes (%.1f MiB)", bytes, float64(bytes)/mib)
}

// stoppedProcess describes a QEMU that a signal has stopped.
func stoppedProcess(pid int) *vm.Pause {
	return &vm.Pause{
		Reason: vm.PauseProcess, Hint: fmt.Sprintf("kill -CONT %d", pid),
		Text: fmt.Sprintf("the guest is paused: its process %d was stopped by a signal", pid),
	}
}

// alike reports whether a pause need not be recorded in the place of another one. What else is
// written to a full file system changes all the time by some bytes, which say nothing new.
func alike(before, pause vm.Pause) bool {
	if before.Reason == vm.PauseDiskFull && pause.Reason == vm.PauseDiskFull {
		pause.Text = before.Text // only the bytes differ
		before.Missing, pause.Missing = wholeMiB(before.Missing), wholeMiB(pause.Missing)
	}
	return before == pause
}

// wholeMiB rounds a number of bytes up.
func wholeMiB(bytes int64) int64 {
	const mib = 1 << 20
	return (bytes + mib - 1) / mib
}
