// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"slices"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// observe reads the instance's state from the engine. An instance of another LimaVM counts as none,
// and is kept in s.foreign; Apply refuses it with its owner's name. One whose owner cannot be read
// any more is this LimaVM's if that had one.
func (r *Reconciler) observe(ctx context.Context, s *scope) reconcile.Outcome {
	first := !s.observed && s.found == nil
	s.observed, s.state, s.foreign = false, nil, nil
	state, err := r.engine.Observe(ctx, s.vm.Name)
	if err != nil && !errors.Is(err, vm.ErrNotFound) {
		return reconcile.Retry(err)
	}
	s.observed, s.acted = true, false
	switch {
	case err != nil:
	case state.Owner.UID == string(s.vm.UID):
		s.state = &state
	case state.Damaged && s.vm.Status.HadInstance():
		// Which reset it was made for cannot be read from it either.
		state.Incarnation, _ = s.vm.Status.MadeFor()
		s.state = &state
	default:
		s.foreign = &state
	}
	if first {
		s.found = s.state
	}
	return reconcile.Done()
}

// engineOutcome maps an error of an engine's operation to an outcome.
func (s *scope) engineOutcome(operation vm.Operation, err error) reconcile.Outcome {
	switch {
	case err == nil:
		return reconcile.Done()
	case errors.Is(err, vm.ErrBusy):
		s.busy = true
		return reconcile.Wait("the engine is busy with the instance", busyRetry)
	case !vm.Retryable(err):
		return s.stall(operation, vm.FaultOf(err))
	default:
		if !errors.Is(err, context.Canceled) { // the daemon ends
			s.failing = &vm.Failure{Operation: operation, Fault: vm.FaultOf(err)}
		}
		return reconcile.Retry(err)
	}
}

// holdBack delays the next attempt at an operation that has failed. It is Done when the attempt may
// begin. Faults that are not retryable are tried again slowly, others with back-off. A new retry
// request and a changed revision are tried at once.
func (r *Reconciler) holdBack(s *scope, operations ...vm.Operation) reconcile.Outcome {
	f := s.failure(operations...)
	if f == nil || s.changed || s.retryRequested(f) {
		return reconcile.Done()
	}
	if !f.Fault.Kind.Retryable() {
		if wait := reconcile.Until(f.At, reconcile.SlowRetry, s.now); wait > 0 {
			return reconcile.Outcome{Reason: failedReason(f.Operation), Message: f.Fault.Text, After: wait}
		}
		return reconcile.Done()
	}
	key := string(s.vm.UID) + "/" + string(f.Operation)
	if wait := r.backoff.Remaining(key, f.At, s.now); wait > 0 {
		return reconcile.Wait(failureMessage(f), wait)
	}
	return reconcile.Done()
}

// failure returns the instance's last failure if it is of one of the operations, else nil.
func (s *scope) failure(operations ...vm.Operation) *vm.Failure {
	if s.state == nil || s.state.Failure == nil {
		return nil
	}
	for _, operation := range operations {
		if s.state.Failure.Operation == operation {
			return s.state.Failure
		}
	}
	return nil
}

// retryRequested reports whether a retry was requested that was not carried out yet. For a failed
// stop, a request for a forced stop counts as well. f may be nil.
func (s *scope) retryRequested(f *vm.Failure) bool {
	fresh := func(annotation, last string) bool {
		return !slices.Contains([]string{"", last}, s.vm.Annotations[annotation])
	}
	return fresh(limav1.AnnotationRetryRequested, s.vm.Status.LastRetryRequest) ||
		f != nil && f.Operation == vm.OperationStop && fresh(limav1.AnnotationForceStop, s.vm.Status.LastForceStop)
}

// failureMessage returns the conditions' message for a failure.
func failureMessage(f *vm.Failure) string {
	if f.Operation == vm.OperationRun {
		return "the machine ended by itself and is started again: " + f.Fault.Text
	}
	return f.Fault.Text
}
