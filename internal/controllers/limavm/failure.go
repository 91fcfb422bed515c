// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// stall ends the pass as Stalled: an operation has a fault that only goes away when somebody acts.
// The reason in the conditions is the operation's, or NameTaken.
func (s *scope) stall(operation vm.Operation, fault *vm.Fault) reconcile.Outcome {
	s.stalled = &vm.Failure{Operation: operation, Fault: fault}
	reason := failedReason(operation)
	if fault.Kind == vm.FaultNameTaken {
		reason = limav1.ReasonNameTaken
	}
	return reconcile.Stalled(reason, fault.Text)
}

// failedReason returns the conditions' reason for an operation that failed.
func failedReason(operation vm.Operation) string {
	switch operation {
	case vm.OperationCreate:
		return limav1.ReasonCreateFailed
	case vm.OperationStart, vm.OperationRun:
		return limav1.ReasonStartFailed
	default:
		return limav1.ReasonStopFailed
	}
}

// nextFailure returns status.failure: the last failure that is still in the way of what is wanted.
// It is the one that this pass has found, else the engine's, else the one in the status. created is
// the status of the condition Created.
func (s *scope) nextFailure(created bool) *limav1.Failure {
	before := s.vm.Status.Failure
	switch {
	case s.stalled != nil:
		return s.describe(s.stalled)
	case s.failing != nil && s.concerns(s.failing.Operation, created):
		return s.describe(s.failing)
	case !s.observed:
		return before
	case s.filesMissing() != nil:
		return s.describe(s.filesMissing())
	case s.paused() && s.vm.Spec.Running && !s.deleting():
		p := s.state.Pause
		return s.describe(&vm.Failure{Operation: vm.OperationRun, Fault: p.Fault(), At: p.Since})
	case s.state != nil && s.state.Failure != nil && s.concerns(s.state.Failure.Operation, created):
		return s.describe(s.state.Failure)
	case before != nil && before.Operation != "" && s.concerns(vm.Operation(before.Operation), created) && !s.overtaken(before):
		return before
	default:
		return nil
	}
}

// filesMissing returns the failure that the next start will have, as files that it needs are not
// there: reported also while the machine runs, or is not wanted. It is nil when there is none.
func (s *scope) filesMissing() *vm.Failure {
	f := s.failure(vm.OperationStart)
	if f == nil || f.Fault.Kind != vm.FaultBroken || !s.complete() || s.deleting() || s.resetting() {
		return nil
	}
	return f
}

// paused reports whether the guest of a machine that is up does not run.
func (s *scope) paused() bool {
	return s.state != nil && s.state.Pause != nil && (s.phase() == vm.PhaseStarting || s.phase() == vm.PhaseRunning)
}

// wasPaused reports whether the guest was paused in the pass before: the failure in the status is
// that pause.
func (s *scope) wasPaused() bool {
	running := meta.FindStatusCondition(s.vm.Status.Conditions, limav1.ConditionRunning)
	return running != nil && limav1.Paused(running.Reason)
}

// concerns reports whether the failure of an operation is still in the way of what is wanted.
func (s *scope) concerns(operation vm.Operation, created bool) bool {
	switch operation {
	case vm.OperationCreate:
		return !created && !s.deleting()
	case vm.OperationStart, vm.OperationRun:
		return s.vm.Spec.Running && s.complete() && s.phase() != vm.PhaseRunning && !s.deleting() && !s.resetting()
	case vm.OperationStop:
		return (s.phase() == vm.PhaseRunning || s.phase() == vm.PhaseStopping) && s.unwanted()
	case vm.OperationDelete:
		return s.state != nil && (s.deleting() || s.resetting())
	case "": // what is damaged is in the way whatever is wanted; a machine that runs may go on with it
		return s.state != nil
	default:
		return s.phase() == vm.PhaseBroken
	}
}

// overtaken reports whether the cause of an earlier pass's failure has been changed since, or was a
// pause that is over.
// Templates and names are checked in every pass that gets so far. When this one has not refused
// them, they are valid.
func (s *scope) overtaken(before *limav1.Failure) bool {
	if s.wasPaused() {
		return true
	}
	switch vm.FaultKind(before.Kind) {
	case vm.FaultSpec, vm.FaultNameTaken:
		return s.changed || (before.Operation == string(vm.OperationCreate) && s.revision != "")
	default:
		return s.changed
	}
}

// describe returns a failure as the API has it. A failure without a time gets the time at which it
// was first observed.
func (s *scope) describe(f *vm.Failure) *limav1.Failure {
	next := &limav1.Failure{
		Operation: string(f.Operation), Kind: string(f.Fault.Kind), Field: reconcile.Truncate(f.Fault.Field),
		Hint: reconcile.Truncate(f.Fault.Hint), Message: reconcile.Truncate(f.Fault.Summary()), At: metav1.NewTime(f.At).Rfc3339Copy(),
	}
	if !f.At.IsZero() {
		return next
	}
	next.At = metav1.NewTime(s.now).Rfc3339Copy()
	if before := s.vm.Status.Failure; before != nil {
		same := *before
		same.At = next.At
		if equality.Semantic.DeepEqual(&same, next) {
			return before
		}
	}
	return next
}
