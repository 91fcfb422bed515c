// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// stall ends the pass: an operation has met a fault that only goes away when someone acts. The
// status says so under the reason of the operation; a name that an instance has already has a
// reason of its own.
func (s *scope) stall(operation vm.Operation, fault *vm.Fault) reconcile.Outcome {
	s.stalled = &vm.Failure{Operation: operation, Fault: fault}
	reason := failedReason(operation)
	if fault.Kind == vm.FaultNameTaken {
		reason = limav1.ReasonNameTaken
	}
	return reconcile.Stalled(reason, fault.Text)
}

// failedReason is the condition's reason for an operation that failed.
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

// nextFailure is what failed last and has not been cured since: what this pass has found, else what
// the status says already, as long as that stands in the way of what is wanted. created says that
// the instance is complete and what its template says.
func (s *scope) nextFailure(created bool) *limav1.Failure {
	before := s.vm.Status.Failure
	switch {
	case s.stalled != nil:
		return s.describe(s.stalled)
	case !s.observed:
		return before
	case s.state != nil && s.state.Failure != nil && s.concerns(s.state.Failure.Operation, created):
		return s.describe(s.state.Failure)
	case before != nil && s.concerns(vm.Operation(before.Operation), created) && !s.overtaken(before):
		return before
	default:
		return nil
	}
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
	default:
		return s.phase() == vm.PhaseBroken
	}
}

// overtaken reports whether a failure of an earlier pass is about something that has been changed
// since. Templates and names are judged in every pass that gets so far: when this one has not
// refused them, they are good.
func (s *scope) overtaken(before *limav1.Failure) bool {
	switch vm.FaultKind(before.Kind) {
	case vm.FaultSpec, vm.FaultNameTaken:
		return s.changed || (before.Operation == string(vm.OperationCreate) && s.revision != "")
	default:
		return s.changed
	}
}

// describe puts a failure into the API. One whose time is not known happened when it was first
// seen.
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
