// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
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

// TestFailure is the table of status.failure: "operation/kind/message", and whether it stays the
// old one.
func TestFailure(t *testing.T) {
	boom := vm.Fault{Kind: vm.FaultBoot, Text: "boom"}
	gone := vm.Fault{Kind: vm.FaultBroken, Text: "basedisk is missing", Hint: "bring it back"}
	incomplete := func() *vm.State { return &vm.State{Phase: vm.PhaseIncomplete} }
	stalled := func(operation vm.Operation, fault vm.Fault) func(*scope) {
		return func(s *scope) { s.outcome = s.stall(operation, &fault) }
	}
	changed := func(s *scope) { s.changed = true }
	paused := func(s *vm.State) { s.Pause = &vm.Pause{Reason: vm.PauseDiskFull, Text: "full", Since: now} }
	waited := func(s *scope) { // the guest was paused in the pass before
		c := metav1.Condition{Type: limav1.ConditionRunning, Status: metav1.ConditionFalse, Reason: limav1.ReasonHostDiskFull}
		s.vm.Status.Conditions = []metav1.Condition{c}
	}
	const create, start, stop, run, remove = vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationRun, vm.OperationDelete
	const old = "the old one"
	for name, test := range map[string]struct {
		scene
		before *limav1.Failure
		change func(*scope)
		want   string
	}{
		"nothing":           {scene{state: off("", "")}, nil, nil, ""},
		"a creation failed": {scene{state: failedWith(incomplete(), create, boom)}, nil, nil, "create/Boot/boom"},
		"… and another before": {
			scene{state: failedWith(incomplete(), create, boom)},
			known(create, vm.FaultImage), nil, "create/Boot/boom",
		},
		"… is tried again":        {scene{state: &vm.State{Phase: vm.PhaseCreating}}, known(create, vm.FaultImage), nil, old},
		"… has succeeded":         {scene{state: off("", "")}, known(create, vm.FaultImage), nil, ""},
		"… with another template": {scene{state: &vm.State{Phase: vm.PhaseCreating}}, known(create, vm.FaultImage), changed, ""},
		"… and it is deleted":     {scene{deleting: true, state: failedWith(incomplete(), create, boom)}, nil, nil, ""},
		"the template is refused": {scene{unread: true}, nil, stalled(create, vm.Fault{Kind: vm.FaultSpec, Text: "no"}), "create/Spec/no"},
		"… and is good now":       {scene{state: &vm.State{Phase: vm.PhaseCreating}}, known(create, vm.FaultSpec), nil, ""},
		"… and is not read yet":   {scene{unread: true, state: &vm.State{Phase: vm.PhaseCreating}}, known(create, vm.FaultSpec), nil, old},
		"the name is free now":    {scene{outcome: reconcile.Wait("", 0)}, known(create, vm.FaultNameTaken), nil, ""},
		"an edit is refused": {
			scene{wanted: true, state: on(vm.PhaseRunning)},
			nil, stalled(create, vm.Fault{Kind: vm.FaultSpec, Text: "no"}), "create/Spec/no",
		},
		"a start failed": {scene{wanted: true, state: failedWith(off("", ""), start, boom)}, nil, nil, "start/Boot/boom"},
		"files are missing": {
			scene{wanted: true, state: failedWith(off("", ""), start, gone)}, nil, nil, "start/Broken/basedisk is missing",
		},
		"files are missing, not wanted": {scene{state: failedWith(off("", ""), start, gone)}, nil, nil, "start/Broken/basedisk is missing"},
		"files are missing, it runs": {
			scene{wanted: true, state: failedWith(on(vm.PhaseRunning), start, gone)}, nil, nil, "start/Broken/basedisk is missing",
		},
		"files are back":             {scene{wanted: true, state: on(vm.PhaseRunning)}, known(start, vm.FaultBroken), nil, ""},
		"files are missing, deleted": {scene{deleting: true, state: failedWith(off("", ""), start, gone)}, nil, nil, ""},
		"a start is refused": {
			scene{wanted: true, state: off("", "")},
			nil, stalled(start, vm.Fault{Kind: vm.FaultHost, Missing: "qemu", Text: "x"}), "start/Host/this host lacks qemu",
		},
		"… and tried again":          {scene{wanted: true, state: on(vm.PhaseStarting)}, known(start, vm.FaultHost), nil, old},
		"… waits":                    {scene{wanted: true, state: off("", "")}, known(start, vm.FaultHost), nil, old},
		"… runs":                     {scene{wanted: true, state: on(vm.PhaseRunning)}, known(start, vm.FaultHost), nil, ""},
		"… is not wanted any more":   {scene{state: off("", "")}, known(start, vm.FaultHost), nil, ""},
		"… has another template":     {scene{wanted: true, state: on(vm.PhaseStarting)}, known(start, vm.FaultSpec), changed, ""},
		"… is deleted":               {scene{deleting: true, wanted: true, state: off("", "")}, known(start, vm.FaultHost), nil, ""},
		"a failed start, not wanted": {scene{state: failedWith(off("", ""), start, boom)}, nil, nil, ""},
		"the instance was lost":      {scene{wanted: true}, known(start, vm.FaultHost), nil, ""},
		"it died": {
			scene{wanted: true, state: failedWith(off("", ""), run, vm.Fault{Kind: vm.FaultProcessEnded, Text: "killed"})},
			nil, nil, "run/ProcessEnded/killed",
		},
		"… and starts":                 {scene{wanted: true, state: on(vm.PhaseStarting)}, known(run, vm.FaultProcessEnded), nil, old},
		"… and runs":                   {scene{wanted: true, state: on(vm.PhaseRunning)}, known(run, vm.FaultProcessEnded), nil, ""},
		"it is paused while it starts": {scene{wanted: true, state: with(on(vm.PhaseStarting), paused)}, nil, nil, "run/DiskFull/full"},
		"… and still is": {
			scene{wanted: true, state: with(on(vm.PhaseStarting), paused)},
			known(run, vm.FaultDiskFull), waited, "run/DiskFull/full",
		},
		"… and goes on": {scene{wanted: true, state: on(vm.PhaseStarting)}, known(run, vm.FaultDiskFull), waited, ""},
		"… and is not observed": {
			scene{wanted: true, unobserved: true, outcome: reconcile.Retry(errors.New("x"))},
			known(run, vm.FaultDiskFull), waited, old,
		},
		"a stop failed": {scene{state: failedWith(on(vm.PhaseRunning), stop, boom)}, nil, nil, "stop/Boot/boom"},
		"… for a restart": {
			scene{wanted: true, state: with(failedWith(on(vm.PhaseRunning), stop, boom), func(s *vm.State) { s.RunningRevision = "old" })},
			nil, nil, "stop/Boot/boom",
		},
		"the stop is tried again": {scene{state: on(vm.PhaseStopping)}, known(stop, vm.FaultUnknown), nil, old},
		"the stop has succeeded":  {scene{state: off("", "")}, known(stop, vm.FaultUnknown), nil, ""},
		"… and it shall run after all": {
			scene{wanted: true, state: failedWith(on(vm.PhaseRunning), stop, boom)},
			known(stop, vm.FaultUnknown), nil, "",
		},
		"a deletion failed":           {scene{deleting: true, state: failedWith(off("", ""), remove, boom)}, nil, nil, "delete/Boot/boom"},
		"the deletion is tried again": {scene{deleting: true, state: on(vm.PhaseDeleting)}, known(remove, vm.FaultUnknown), nil, old},
		"the deletion has succeeded":  {scene{deleting: true}, known(remove, vm.FaultUnknown), nil, ""},
		"damaged, and runs": {
			scene{wanted: true, state: failedWith(on(vm.PhaseRunning), "", vm.Fault{Kind: vm.FaultBroken, Text: "the disk is gone"})},
			nil, nil, "/Broken/the disk is gone",
		},
		"… and is whole again": {
			scene{wanted: true, state: on(vm.PhaseRunning)}, &limav1.Failure{Kind: string(vm.FaultBroken), Message: "old"}, nil, "",
		},
		"a call failed": {
			scene{wanted: true, state: off("", "")}, nil,
			func(s *scope) { s.outcome = s.engineOutcome(start, fmt.Errorf("starting: %w", errors.New("boom"))) }, "start/Unknown/starting: boom",
		},
		"… and has succeeded": {scene{wanted: true, state: on(vm.PhaseRunning)}, known(start, vm.FaultUnknown), nil, ""},
		"… because the daemon ends": {
			scene{wanted: true, state: off("", "")}, nil, func(s *scope) { s.outcome = s.engineOutcome(start, context.Canceled) }, "",
		},
		"… for one that is not wanted": {
			scene{state: off("", "")}, nil, func(s *scope) { s.outcome = s.engineOutcome(start, errors.New("boom")) }, "",
		},
		"broken": {
			scene{state: on(vm.PhaseBroken)},
			nil, func(s *scope) { s.outcome = s.stall(create, broken(s.state)) },
			"create/Broken/the instance is broken: its directory cannot be read",
		},
		"not seen":       {scene{unobserved: true, outcome: reconcile.Retry(errors.New("x"))}, known(start, vm.FaultHost), nil, old},
		"of a newer rdd": {scene{wanted: true, state: off("", "")}, known("dance", vm.FaultHost), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.scope()
			s.vm.Status.Failure = test.before
			if test.change != nil {
				test.change(s)
			}
			st := status(s)
			if got := failureText(st.Failure); got != test.want {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			s.vm.Status, s.now = st, now.Add(time.Minute)
			if again := status(s); !equality.Semantic.DeepEqual(again.Failure, st.Failure) {
				t.Errorf("%+v became %+v though nothing happened", st.Failure, again.Failure)
			}
		})
	}
}

func failureText(f *limav1.Failure) string {
	switch {
	case f == nil:
		return ""
	case f.At.Time.Equal(earlier):
		return "the old one"
	default:
		return fmt.Sprintf("%s/%s/%s", f.Operation, f.Kind, f.Message)
	}
}

// TestFailureHappened checks the time of a failure: the engine's, or when it was first observed.
func TestFailureHappened(t *testing.T) {
	probe := vm.Fault{Kind: vm.FaultProbe, Field: "probes[0]", Hint: "look", Text: "t"}
	s := scene{wanted: true, state: failedWith(off("", ""), vm.OperationStart, probe)}.scope()
	want := limav1.Failure{
		Operation: "start", Kind: "Probe", Field: "probes[0]", Hint: "look", Message: "t", At: metav1.NewTime(now.Add(-time.Second)),
	}
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

// TestKindsDecideWhenToTryAgain checks that a fault's kind decides about retries, whether a call of
// the engine has failed or its work in the background.
func TestKindsDecideWhenToTryAgain(t *testing.T) {
	for _, kind := range vm.FaultKinds() {
		fault := vm.Fault{Kind: kind, Text: "boom"}
		s := scene{wanted: true, state: failedWith(off("", ""), vm.OperationStart, fault)}.scope()
		r := NewReconciler(nil, nil, nil, template.Host{}, nil)
		o := r.holdBack(s, vm.OperationStart, vm.OperationRun)
		slowly := o.Reason == limav1.ReasonStartFailed && o.After == reconcile.SlowRetry-time.Second
		if o.IsStalled() == kind.Retryable() || (o.IsStalled() && !slowly) {
			t.Errorf("work failed with %s: %+v", kind, o)
		}
		o = s.engineOutcome(vm.OperationStart, fmt.Errorf("x: %w", &fault))
		if o.IsStalled() == kind.Retryable() || (o.Err != nil) != kind.Retryable() {
			t.Errorf("a call failed with %s: %+v", kind, o)
		}
		want := limav1.ReasonStartFailed
		if kind == vm.FaultNameTaken {
			want = limav1.ReasonNameTaken
		}
		if o.IsStalled() && o.Reason != want {
			t.Errorf("a call failed with %s: reason %s", kind, o.Reason)
		}
	}
}
