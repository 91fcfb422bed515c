// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// pauses checks that each reason for which a guest is paused is reported, also by a daemon and a
// hostagent that were restarted, and that the guest goes on and can be stopped.
func pauses(t *testing.T, newSubject func(t *testing.T) Subject) {
	for _, reason := range vm.PauseReasons() {
		t.Run(string(reason), func(t *testing.T) {
			subject := newSubject(t)
			if subject.Pause == nil {
				t.Skip("SKIPPED: the subject pauses no guests")
			}
			s := newSuite(t, subject, "vmt5")
			s.mustNot("creating", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Template)))
			s.waitFor("created", phase(vm.PhaseStopped))
			s.start("starting")
			s.pausedAndResumed(s.waitRunning("running"), reason)
			s.stoppedWhilePaused(reason)
		})
	}
}

// pausedAndResumed pauses a guest and resumes it.
func (s *suite) pausedAndResumed(running vm.State, reason vm.PauseReason) {
	relieve := s.Pause(s.T, s.name, reason)
	paused := func(state vm.State) bool { return state.Pause != nil && state.Pause.Reason == reason }
	state := s.waitFor("paused", paused)
	s.check("a machine that is up", state.Phase == vm.PhaseRunning && state.Failure == nil, state)
	s.check("with words and a time", state.Pause.Text != "" && !state.Pause.Since.IsZero(), state)
	s.check("with the path", (state.Pause.Path != "") == (state.Pause.Fault().Kind == vm.FaultDiskFull || reason == vm.PauseDiskFailed), state)
	s.sameMachine("paused", running)
	s.Engine = s.Reopen(s.T)
	s.waitFor("paused, after a restart of the daemon", paused)
	if e, ok := s.Engine.(vm.Adopter); ok && reason != vm.PauseSuspended {
		s.KillHostagent(s.T, s.name)
		s.waitFor("paused, without a hostagent", paused)
		s.busy("adopting", func() error { _, err := e.Adopt(s.Context(), s.name); return err })
		s.waitFor("paused and adopted", paused)
	}
	relieve()
	if reason == vm.PauseRequested || reason == vm.PauseProcess {
		s.mustNot("starting what is paused", s.Engine.Start(s.Context(), s.owner, s.name))
	}
	s.waitFor("gone on", func(state vm.State) bool { return state.Phase == vm.PhaseRunning && state.Pause == nil })
	s.sameMachine("gone on", running)
}

// stoppedWhilePaused stops a guest that is paused, and stays so if that depends on the host.
func (s *suite) stoppedWhilePaused(reason vm.PauseReason) {
	s.Pause(s.T, s.name, reason)
	s.waitFor("paused again", func(state vm.State) bool { return state.Pause != nil })
	s.mustNot("stopping", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopShutdown))
	state := s.waitFor("stopped", phase(vm.PhaseStopped))
	s.check("a stop is no failure", state.Failure == nil && state.Pause == nil, state)
}
