// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// Provoked is a fault that a Subject provokes.
type Provoked struct {
	Kind vm.FaultKind
	// Operation that ends in it.
	Operation vm.Operation
}

// provoked lists the kinds that are provoked one by one; the other parts of the suite cover the
// others.
func provoked() []Provoked {
	return []Provoked{
		{vm.FaultHost, vm.OperationCreate},
		{vm.FaultDiskFull, vm.OperationCreate},
		{vm.FaultImage, vm.OperationCreate},
		{vm.FaultImageMissing, vm.OperationCreate},
		{vm.FaultImageInvalid, vm.OperationCreate},
		{vm.FaultUnknown, vm.OperationCreate},
		{vm.FaultSpec, vm.OperationStart},
		{vm.FaultBoot, vm.OperationStart},
		{vm.FaultScript, vm.OperationStart},
		{vm.FaultProbe, vm.OperationStart},
		{vm.FaultPort, vm.OperationStart},
	}
}

// Example is a fault of a kind with every field that the suite checks.
func Example(kind vm.FaultKind) vm.Fault {
	f := vm.Fault{Kind: kind, Text: "provoked: " + string(kind)}
	switch kind {
	case vm.FaultSpec:
		f.Field = "mounts[0].location"
	case vm.FaultImageMissing:
		f.Hint = "make it available there"
	case vm.FaultHost:
		f.Missing, f.Hint = "mmdebstrap", "sudo apt-get install mmdebstrap"
	case vm.FaultScript:
		f.Field, f.ExitCode, f.Output = vm.ScriptProvision, 7, "the log of provision"
	case vm.FaultProbe:
		f.Field, f.Hint, f.ExitCode, f.Output = "probes[0]", "look there", 3, "refused"
	}
	return f
}

// faults checks that each kind of fault is reported as what it is, also by a daemon that was
// restarted.
func faults(t *testing.T, newSubject func(t *testing.T) Subject) {
	for _, p := range provoked() {
		t.Run(string(p.Kind), func(t *testing.T) {
			subject := newSubject(t)
			if subject.Provoke == nil {
				t.Skip("SKIPPED: the subject provokes no faults")
			}
			newSuite(t, subject, "vmt3").provoke(p)
		})
	}
}

// provoke has one operation fail, and checks what is reported. A failed start is still reported
// after a restart of the daemon, a failed creation is not: the engine's work is not stored.
func (s *suite) provoke(p Provoked) {
	if p.Operation == vm.OperationCreate {
		s.mustNot("creating", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Provoke(s.T, s.name, p))))
		s.checkFault(p, s.waitFor("failed", failed))
		return
	}
	s.mustNot("creating", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Template)))
	s.waitFor("created", phase(vm.PhaseStopped))
	s.mustNot("changing the spec", s.Engine.Apply(s.Context(), s.spec(s.owner, s.Provoke(s.T, s.name, p))))
	s.start("starting")
	s.checkFault(p, s.waitFor("failed", failed))
	s.waitFor("at rest", phase(vm.PhaseStopped))
	s.Engine = s.Reopen(s.T)
	s.checkFault(p, s.waitFor("failed, after a restart of the daemon", failed))
}

func failed(state vm.State) bool { return state.Failure != nil }

// checkFault checks everything of a fault but its text, which is the engine's own.
func (s *suite) checkFault(p Provoked, state vm.State) {
	s.Helper()
	failure := state.Failure
	s.check("the operation that failed", failure.Operation == p.Operation && !failure.At.IsZero(), state)
	want := Example(p.Kind)
	got := *failure.Fault
	s.check("a text", got.Text != "", state)
	if want.Output == "" {
		got.Output = "" // an engine may know more
	}
	if got.Text = want.Text; got != want {
		s.Fatalf("got %+v, want %+v but for the text", *failure.Fault, want)
	}
}
