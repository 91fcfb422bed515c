// SPDX-License-Identifier: Apache-2.0

// Package vmtest is the suite that every vm.Engine passes: the in-memory one and those that boot
// real guests. It drives an engine through vm.Engine and the optional abilities that it has, and
// waits through Watch, never by sleeping.
//
// A boot takes half a minute and more where a guest is emulated, so the suite is one life of one
// instance with many checks on the way, and boots it three times.
//
// internal/vm/fake and internal/vm/qemu run it: the latter on a stand-in for QEMU, and with
// RDD_TEST_GUEST=1 on real guests.
package vmtest

import (
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// Subject is an engine under test and what the suite must know about it. The instance names that
// the suite uses begin with "vmt".
type Subject struct {
	Engine vm.Engine
	// Reopen returns another engine object over the same host, as after a restart
	// of the daemon; the suite goes on with that one.
	Reopen func(t *testing.T) vm.Engine
	// KillGuest ends the machine of an instance behind the engine's back.
	KillGuest func(t *testing.T, name string)
	// KillHostagent ends, behind the engine's back, the process that serves a machine. It may be
	// nil for an engine that does not adopt.
	KillHostagent func(t *testing.T, name string)
	// AddForeign makes an instance directory that rdd did not make. The subject removes it after the
	// test.
	AddForeign func(t *testing.T, name string)
	// Forward makes sure that a running instance has some forward, and returns it.
	Forward func(t *testing.T, name string) vm.Forward
	// Template is valid; Changed is valid and different, with Message for people.
	Template, Changed []byte
	Message           string
	// Invalid is refused because of InvalidField.
	Invalid      []byte
	InvalidField string
	// Provoke makes the next operation on an instance fail with a fault like Example, and returns the
	// template to apply for that: Template, where the fault does not come from it. It is nil where
	// that would take too long.
	Provoke func(t *testing.T, name string, p Provoked) []byte
	// Pause pauses the guest of an instance for a reason, or lets it pause, and returns the function
	// that takes the cause away: that does not resume the guest. It is nil where that would take too
	// long.
	Pause func(t *testing.T, name string, reason vm.PauseReason) (relieve func())
	// LoseFile takes a file away that the next start of an instance needs, and that the engine cannot
	// get again. The function that it returns brings it back. It is nil where that would take too
	// long.
	LoseFile func(t *testing.T, name string) (restore func())
	// Timeout bounds each wait. It is generous: only a test that hangs reaches it.
	Timeout time.Duration
}

// Run runs the suite on a subject of its own for each part.
func Run(t *testing.T, newSubject func(t *testing.T) Subject) {
	t.Run("refusals", func(t *testing.T) { refusals(newSuite(t, newSubject(t), "vmt1")) })
	t.Run("life", func(t *testing.T) { life(newSuite(t, newSubject(t), "vmt2")) })
	t.Run("faults", func(t *testing.T) { faults(t, newSubject) })
	t.Run("pauses", func(t *testing.T) { pauses(t, newSubject) })
	t.Run("lost file", func(t *testing.T) { lostFile(t, newSubject) })
}
