// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// earlier is when what the status says already happened.
var earlier = now.Add(-time.Hour)

// known is a failure in the status, or nil for "".
func known(operation vm.Operation, kind vm.FaultKind) *limav1.Failure {
	if operation == "" {
		return nil
	}
	return &limav1.Failure{Operation: string(operation), Kind: string(kind), Message: "old", At: metav1.NewTime(earlier)}
}

// failedWith is the state of an instance whose last operation failed.
func failedWith(state *vm.State, operation vm.Operation, fault vm.Fault) *vm.State {
	state.Failure = &vm.Failure{Operation: operation, Fault: &fault, At: now.Add(-time.Second)}
	return state
}

// TestFailure is the table of what status.failure becomes: "operation/kind/message", and whether it is the old one.
func TestFailure(t *testing.T) {
	boom := vm.Fault{Kind: vm.FaultBoot, Text: "boom"}
	incomplete := func() *vm.State { return &vm.State{Phase: vm.PhaseIncomplete} }
	stalled := func(operation vm.Operation, fault vm.Fault) func(*scope) {
		return func(s *scope) { s.outcome = s.stall(operation, &fault) }
	}
	changed := func(s *scope) { s.changed = true }
	const create, start, stop, run, remove = vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationRun, vm.OperationDelete
	const old = "the old one"
	for name, test := range map[string]struct {
		scene
		before *limav1.Failure
		change func(*scope)
		want   string
	}{
		"nothing":                      {scene: scene{state: off("", "")}},
		"a creation failed":            {scene: scene{state: failedWith(incomplete(), create, boom)}, want: "create/Boot/boom"},
		"… and another before":         {scene: scene{state: failedWith(incomplete(), create, boom)}, before: known(create, vm.FaultImage), want: "create/Boot/boom"},
		"… is tried again":             {scene: scene{state: &vm.State{Phase: vm.PhaseCreating}}, before: known(create, vm.FaultImage), want: old},
		"… has succeeded":              {scene: scene{state: off("", "")}, before: known(create, vm.FaultImage)},
		"… with another template":      {scene: scene{state: &vm.State{Phase: vm.PhaseCreating}}, before: known(create, vm.FaultImage), change: changed},
		"… and it is deleted":          {scene: scene{deleting: true, state: failedWith(incomplete(), create, boom)}},
		"the template is refused":      {scene: scene{unread: true}, change: stalled(create, vm.Fault{Kind: vm.FaultSpec, Text: "no"}), want: "create/Spec/no"},
		"… and is good now":            {scene: scene{state: &vm.State{Phase: vm.PhaseCreating}}, before: known(create, vm.FaultSpec)},
		"… and is not read yet":        {scene: scene{unread: true, state: &vm.State{Phase: vm.PhaseCreating}}, before: known(create, vm.FaultSpec), want: old},
		"the name is free now":         {scene: scene{outcome: reconcile.Wait("", 0)}, before: known(create, vm.FaultNameTaken)},
		"an edit is refused":           {scene: scene{wanted: true, state: on(vm.PhaseRunning)}, change: stalled(create, vm.Fault{Kind: vm.FaultSpec, Text: "no"}), want: "create/Spec/no"},
		"a start failed":               {scene: scene{wanted: true, state: failedWith(off("", ""), start, boom)}, want: "start/Boot/boom"},
		"a start is refused":           {scene: scene{wanted: true, state: off("", "")}, change: stalled(start, vm.Fault{Kind: vm.FaultHost, Missing: "qemu", Text: "x"}), want: "start/Host/this host lacks qemu"},
		"… and tried again":            {scene: scene{wanted: true, state: on(vm.PhaseStarting)}, before: known(start, vm.FaultHost), want: old},
		"… waits":                      {scene: scene{wanted: true, state: off("", "")}, before: known(start, vm.FaultHost), want: old},
		"… runs":                       {scene: scene{wanted: true, state: on(vm.PhaseRunning)}, before: known(start, vm.FaultHost)},
		"… is not wanted any more":     {scene: scene{state: off("", "")}, before: known(start, vm.FaultHost)},
		"… has another template":       {scene: scene{wanted: true, state: on(vm.PhaseStarting)}, before: known(start, vm.FaultSpec), change: changed},
		"… is deleted":                 {scene: scene{deleting: true, wanted: true, state: off("", "")}, before: known(start, vm.FaultHost)},
		"a failed start, not wanted":   {scene: scene{state: failedWith(off("", ""), start, boom)}},
		"the instance was lost":        {scene: scene{wanted: true}, before: known(start, vm.FaultHost)},
		"it died":                      {scene: scene{wanted: true, state: failedWith(off("", ""), run, vm.Fault{Kind: vm.FaultProcessEnded, Text: "killed"})}, want: "run/ProcessEnded/killed"},
		"… and starts":                 {scene: scene{wanted: true, state: on(vm.PhaseStarting)}, before: known(run, vm.FaultProcessEnded), want: old},
		"… and runs":                   {scene: scene{wanted: true, state: on(vm.PhaseRunning)}, before: known(run, vm.FaultProcessEnded)},
		"a stop failed":                {scene: scene{state: failedWith(on(vm.PhaseRunning), stop, boom)}, want: "stop/Boot/boom"},
		"… for a restart":              {scene: scene{wanted: true, state: with(failedWith(on(vm.PhaseRunning), stop, boom), func(s *vm.State) { s.RunningRevision = "old" })}, want: "stop/Boot/boom"},
		"the stop is tried again":      {scene: scene{state: on(vm.PhaseStopping)}, before: known(stop, vm.FaultUnknown), want: old},
		"the stop has succeeded":       {scene: scene{state: off("", "")}, before: known(stop, vm.FaultUnknown)},
		"… and it shall run after all": {scene: scene{wanted: true, state: failedWith(on(vm.PhaseRunning), stop, boom)}, before: known(stop, vm.FaultUnknown)},
		"a deletion failed":            {scene: scene{deleting: true, state: failedWith(off("", ""), remove, boom)}, want: "delete/Boot/boom"},
		"the deletion is tried again":  {scene: scene{deleting: true, state: on(vm.PhaseDeleting)}, before: known(remove, vm.FaultUnknown), want: old},
		"the deletion has succeeded":   {scene: scene{deleting: true}, before: known(remove, vm.FaultUnknown)},
		"broken":                       {scene: scene{state: on(vm.PhaseBroken)}, change: func(s *scope) { s.outcome = s.stall(create, broken(s.state)) }, want: "create/Broken/the instance is broken: its directory cannot be read; delete the LimaVM to remove it"},
		"not seen":                     {scene: scene{unseen: true, outcome: reconcile.Retry(errors.New("x"))}, before: known(start, vm.FaultHost), want: old},
		"of a newer rdd":               {scene: scene{wanted: true, state: off("", "")}, before: known("dance", vm.FaultHost)},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.scope()
			s.vm.Status.Failure = test.before
			if test.change != nil {
				test.change(s)
			}
			st := status(s)
			if got := sayFailure(st.Failure); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			s.vm.Status, s.now = st, now.Add(time.Minute)
			if again := status(s); !equality.Semantic.DeepEqual(again.Failure, st.Failure) {
				t.Errorf("%+v became %+v though nothing happened", st.Failure, again.Failure)
			}
		})
	}
}

func sayFailure(f *limav1.Failure) string {
	switch {
	case f == nil:
		return ""
	case f.At.Time.Equal(earlier):
		return "the old one"
	default:
		return fmt.Sprintf("%s/%s/%s", f.Operation, f.Kind, f.Message)
	}
}

// TestFailureHappened at the time that the engine says; what has no time when it was first seen.
func TestFailureHappened(t *testing.T) {
	s := scene{wanted: true, state: failedWith(off("", ""), vm.OperationStart, vm.Fault{Kind: vm.FaultProbe, Field: "probes[0]", Hint: "look", Text: "t"})}.scope()
	want := limav1.Failure{Operation: "start", Kind: "Probe", Field: "probes[0]", Hint: "look", Message: "t", At: metav1.NewTime(now.Add(-time.Second))}
	if got := status(s).Failure; !equality.Semantic.DeepEqual(*got, want) {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	s.state.Failure.At = time.Time{}
	s.vm.Status = status(s)
	if at := s.vm.Status.Failure.At; !at.Time.Equal(now) {
		t.Errorf("first seen at %s", at)
	}
	s.state.Failure.Fault = &vm.Fault{Kind: vm.FaultProbe, Text: "another"}
	s.now = now.Add(time.Hour)
	if at := status(s).Failure.At; !at.Time.Equal(s.now) {
		t.Errorf("another failure is as old as the one before: %s", at)
	}
}

// TestKindsDecideWhenToTryAgain: the answer is the same whether a call of the engine or work in the background failed.
func TestKindsDecideWhenToTryAgain(t *testing.T) {
	for _, kind := range vm.FaultKinds() {
		fault := vm.Fault{Kind: kind, Text: "boom"}
		s := scene{wanted: true, state: failedWith(off("", ""), vm.OperationStart, fault)}.scope()
		r := NewReconciler(nil, nil, nil, template.Host{}, nil)
		o := r.holdBack(s, vm.OperationStart, vm.OperationRun)
		if o.IsStalled() == kind.Retryable() || (o.IsStalled() && (o.Reason != limav1.ReasonStartFailed || o.After != reconcile.SlowRetry-time.Second)) {
			t.Errorf("work failed with %s: %+v", kind, o)
		}
		o = s.engineOutcome(vm.OperationStart, fmt.Errorf("x: %w", &fault))
		if o.IsStalled() == kind.Retryable() || (o.Err != nil) != kind.Retryable() {
			t.Errorf("a call failed with %s: %+v", kind, o)
		}
		if o.IsStalled() && o.Reason != map[bool]string{true: limav1.ReasonNameTaken, false: limav1.ReasonStartFailed}[kind == vm.FaultNameTaken] {
			t.Errorf("a call failed with %s: reason %s", kind, o.Reason)
		}
	}
}
