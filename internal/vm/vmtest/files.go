// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// lostFile checks what is reported of a machine that has lost a file which its next start needs: it
// goes on, it is not started again, and all is well when the file is back.
func lostFile(t *testing.T, newSubject func(t *testing.T) Subject) {
	subject := newSubject(t)
	if subject.LoseFile == nil {
		t.Skip("SKIPPED: the subject loses no files")
	}
	s := newSuite(t, subject, "vmt4")
	s.mustNot("creating", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Template)))
	s.waitFor("created", phase(vm.PhaseStopped))
	s.start("starting")
	running := s.waitRunning("running")
	restore := s.LoseFile(s.T, s.name)
	s.checkLost("lost while it runs", s.observe("lost while it runs"))
	s.mustNot("starting what runs", s.Engine.Start(s.Context(), s.owner, s.name))
	s.sameMachine("a file is lost", running)
	s.mustNot("stopping", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopForce))
	s.checkLost("stopped", s.waitFor("stopped", func(state vm.State) bool {
		return state.Phase == vm.PhaseStopped || state.Phase == vm.PhaseBroken
	}))
	s.Engine = s.Reopen(s.T)
	s.checkLost("after a restart of the daemon", s.observe("after a restart of the daemon"))
	s.refusedStart()
	restore()
	s.waitFor("the file is back", func(state vm.State) bool { return state.Failure == nil })
	s.start("starting again")
	s.waitRunning("running again")
}

// refusedStart checks that a start is refused until somebody acts. The engine may look for the file
// elsewhere first.
func (s *suite) refusedStart() {
	s.Helper()
	var last error
	s.wait("starting without the file", func() (bool, error) {
		last = s.Engine.Start(s.Context(), s.owner, s.name)
		return !errors.Is(last, vm.ErrBusy), nil
	}, func() any { return last })
	if last == nil || vm.FaultOf(last).Kind != vm.FaultBroken {
		s.Fatalf("starting without the file: got %v", last)
	}
}

// checkLost checks that a missing file is the failure of the next start.
func (s *suite) checkLost(step string, state vm.State) {
	s.Helper()
	f := state.Failure
	s.check(step+": the file is missing", f != nil && f.Operation == vm.OperationStart, state)
	s.check(step+": and it is said what to do", f.Fault.Kind == vm.FaultBroken && f.Fault.Text != "" && f.Fault.Hint != "", state)
}
