// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
)

// life takes one instance from creation to deletion through three boots and more starts.
func life(s *suite) {
	create(s)
	stoppedInstance(s)
	othersAreRefused(s)
	handOver(s)
	rename(s)
	first := firstBoot(s)
	runningInstance(s)
	renameIsRefused(s)
	reopen(s, first)
	adopt(s, first)
	handOver(s)
	s.sameMachine("handed over and back", first)
	changeWhileRunning(s, first)
	guestDies(s)
	second := secondBoot(s, first)
	stop(s)
	forceStopWhileStarting(s, second)
	deleteWhileRunning(s)
}

func create(s *suite) {
	spec := s.spec(s.owner, s.Template)
	s.mustNot("creating", s.Engine.Apply(s.Context(), spec))
	s.busy("creating again at once", func() error { return s.Engine.Apply(s.Context(), spec) })
	state := s.waitFor("created", func(state vm.State) bool {
		s.check("no failure on the way", state.Failure == nil, state)
		return state.Phase == vm.PhaseStopped
	})
	s.check("the revision is on disk", state.Revision == spec.Revision, state)
	s.check("nothing runs", state.RunningRevision == "" && state.StartID == "" && state.BootID == "", state)
	s.check("the owner is recorded", state.Owner == s.owner, state)
	s.checkListed("created", true)
	s.check("the incarnation is recorded", state.Incarnation == incarnation, state)
	spec.Incarnation = "another"
	s.mustNot("applying the same again", s.Engine.Apply(s.Context(), spec))
	again := s.observe("applied again")
	s.check("still stopped", again.Phase == vm.PhaseStopped && again.Revision == spec.Revision, again)
	s.check("the incarnation of what exists stays", again.Incarnation == incarnation, again)
	s.mustNot("stopping what is stopped", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopShutdown))
}

// othersAreRefused checks that calls on behalf of another UID than the owner's change nothing.
func othersAreRefused(s *suite) {
	s.mustBeTaken("another owner applies", s.Engine.Apply(s.Context(), s.spec(s.other, s.Changed)))
	s.mustBeTaken("another owner starts", s.Engine.Start(s.Context(), s.other, s.name))
	s.mustBeTaken("another owner stops", s.Engine.Stop(s.Context(), s.other, s.name, vm.StopForce))
	s.mustBeTaken("another owner deletes", s.Engine.Delete(s.Context(), s.other, s.name))
	state := s.observe("after the others")
	untouched := state.Phase == vm.PhaseStopped && state.Owner == s.owner && state.Revision == revision(s.Template)
	s.check("untouched", untouched, state)
}

// handOver checks that an instance changes its owner when the new one names the former, and only
// then.
func handOver(s *suite) {
	before := s.observe("before it is handed over")
	spec := s.spec(s.other, s.Template)
	spec.Incarnation = "the second"
	for _, former := range []string{"", "uid-of-nobody", s.other.UID} {
		spec.AdoptFrom = former
		s.mustBeTaken("adopting from "+former, s.Engine.Apply(s.Context(), spec))
	}
	spec.AdoptFrom = s.owner.UID
	s.mustNot("adopting", s.Engine.Apply(s.Context(), spec))
	s.mustNot("adopting again", s.Engine.Apply(s.Context(), spec))
	state := s.observe("handed over")
	s.check("handed over", state.Owner == s.other && state.Incarnation == spec.Incarnation, state)
	s.check("otherwise as before", state.Phase == before.Phase && state.Revision == before.Revision, state)
	s.mustBeTaken("the former owner stops it", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopForce))
	back := s.spec(s.owner, s.Template)
	back.AdoptFrom = s.other.UID
	s.mustNot("adopting back", s.Engine.Apply(s.Context(), back))
	state = s.observe("handed back")
	s.check("handed back", state.Owner == s.owner && state.Incarnation == incarnation && state.Phase == before.Phase, state)
}

func firstBoot(s *suite) vm.State {
	s.start("starting")
	starting := s.observe("starting")
	s.check("a start has an id", starting.StartID != "" && !starting.WasRunning, starting)
	s.mustNot("starting again at once", s.Engine.Start(s.Context(), s.owner, s.name))
	running := s.waitRunning("running")
	s.check("starting again changed nothing", running.StartID == starting.StartID, running)
	s.check("runs what is on disk", running.RunningRevision == running.Revision, running)
	s.check("reachable", running.SSHPort > 0 && running.WasRunning, running)
	s.check("the accelerator is known", running.Accelerator != "", running)
	forwarded(s, running)
	s.mustNot("starting what runs", s.Engine.Start(s.Context(), s.owner, s.name))
	s.mustNot("applying the same to what runs", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Template)))
	s.sameMachine("starting and applying again", running)
	return running
}

// forwarded checks that forwards are reported.
func forwarded(s *suite, running vm.State) {
	want := s.Forward(s.T, s.name)
	s.check("no message without one", running.Message == "", running)
	s.waitFor("forwarded", func(state vm.State) bool { return slices.Contains(state.Forwards, want) })
}

// reopen checks that a restarted daemon finds the guest as it was.
func reopen(s *suite, running vm.State) {
	s.Engine = s.Reopen(s.T)
	found := s.waitFor("running after a restart of the daemon", phase(vm.PhaseRunning))
	s.check("owner and revisions are found again",
		found.Owner == s.owner && found.Revision == running.Revision && found.RunningRevision == running.RunningRevision, found)
	s.check("the port is found again", found.SSHPort == running.SSHPort, found)
	s.check("forwards are found again", len(found.Forwards) > 0, found)
	s.sameMachine("a restart of the daemon", running)
}

// changeWhileRunning checks that a changed spec waits for the next start.
func changeWhileRunning(s *suite, running vm.State) {
	s.mustNot("changing the spec", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Changed)))
	state := s.waitFor("changed on disk", func(state vm.State) bool { return state.Revision == revision(s.Changed) })
	s.check("still runs the old spec", state.RunningRevision == revision(s.Template), state)
	s.sameMachine("a changed spec", running)
}

func guestDies(s *suite) {
	s.KillGuest(s.T, s.name)
	state := s.waitFor("stopped by itself", phase(vm.PhaseStopped))
	s.check("reported as a failure", state.Failure != nil && state.Failure.Operation == vm.OperationRun, state)
	s.check("with its cause", state.Failure.Fault.Kind == vm.FaultProcessEnded && state.Failure.Fault.Text != "", state)
	s.check("nothing runs", state.RunningRevision == "" && state.StartID == "" && len(state.Forwards) == 0, state)
}

func secondBoot(s *suite, first vm.State) vm.State {
	s.start("starting after the guest died")
	running := s.waitRunning("running again")
	s.check("a new start", running.StartID != first.StartID && running.BootID != first.BootID, running)
	s.check("runs the changed spec", running.RunningRevision == revision(s.Changed), running)
	s.check("the message for people", running.Message == s.Message, running)
	s.check("the failure is forgotten", running.Failure == nil, running)
	return running
}

func stop(s *suite) {
	s.mustNot("stopping", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopShutdown))
	s.mustNot("stopping again at once", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopShutdown))
	state := s.waitFor("stopped", phase(vm.PhaseStopped))
	s.check("a stop is no failure", state.Failure == nil, state)
	s.check("nothing runs", state.RunningRevision == "" && state.StartID == "" && state.BootID == "", state)
	s.check("nothing is forwarded", state.Message == "" && len(state.Forwards) == 0, state)
}

func forceStopWhileStarting(s *suite, before vm.State) {
	s.start("starting a third time")
	starting := s.observe("starting a third time")
	s.check("a new start", starting.StartID != "" && starting.StartID != before.StartID, starting)
	s.mustNot("stopping while it starts", s.Engine.Stop(s.Context(), s.owner, s.name, vm.StopForce))
	state := s.waitFor("stopped while it started", phase(vm.PhaseStopped))
	s.check("a stop is no failure", state.Failure == nil, state)
}

func deleteWhileRunning(s *suite) {
	s.start("starting a last time")
	s.waitRunning("running a last time")
	s.mustBeTaken("another owner deletes what runs", s.Engine.Delete(s.Context(), s.other, s.name))
	s.mustNot("deleting while it runs", s.Engine.Delete(s.Context(), s.owner, s.name))
	s.mustNot("deleting again at once", s.Engine.Delete(s.Context(), s.owner, s.name))
	s.waitDeleted("deleted")
	s.checkListed("deleted", false)
	s.mustNot("deleting what is gone", s.Engine.Delete(s.Context(), s.owner, s.name))
	s.mustBe("starting what is gone", s.Engine.Start(s.Context(), s.owner, s.name), vm.ErrNotFound)
}

// start starts the instance; a hostagent that is just ending may keep it busy for a moment.
func (s *suite) start(step string) {
	s.Helper()
	s.busy(step, func() error { return s.Engine.Start(s.Context(), s.owner, s.name) })
}

// waitRunning waits for Running; a failure of the start ends the test at once.
func (s *suite) waitRunning(step string) vm.State {
	s.Helper()
	state := s.waitFor(step, func(state vm.State) bool {
		s.check(step+": the start does not fail", state.Failure == nil || state.Failure.Operation != vm.OperationStart, state)
		return state.Phase == vm.PhaseRunning
	})
	s.check(step+": the guest has a boot id", state.BootID != "", state)
	return state
}

// sameMachine checks that the guest that ran before still runs.
func (s *suite) sameMachine(step string, before vm.State) {
	s.Helper()
	now := s.observe(step)
	same := now.Phase == vm.PhaseRunning && now.StartID == before.StartID && now.BootID == before.BootID
	s.check(step+": the same guest runs on", same, now)
}
