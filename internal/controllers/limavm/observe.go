// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"time"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// observe asks the engine for the instance. One that belongs to another LimaVM is not
// ours to look at: it counts as none, and Apply will say whose it is.
func (r *Reconciler) observe(ctx context.Context, s *scope) reconcile.Outcome {
	s.observed, s.state = false, nil
	state, err := r.engine.Observe(ctx, s.vm.Name)
	if err != nil && !errors.Is(err, vm.ErrNotFound) {
		return reconcile.Retry(err)
	}
	s.observed, s.acted = true, false
	if err == nil && state.Owner.UID == string(s.vm.UID) {
		s.state = &state
	}
	return reconcile.Done()
}

// engineOutcome says what an error of the engine means for the pass; failed is
// the reason to report when someone has to act.
func engineOutcome(err error, failed string) reconcile.Outcome {
	var taken *vm.NameTakenError
	switch {
	case err == nil:
		return reconcile.Done()
	case errors.Is(err, vm.ErrBusy):
		return reconcile.Wait("the engine is busy with the instance", busyRetry)
	case errors.As(err, &taken):
		return reconcile.Stalled(limav1.ReasonNameTaken, err.Error())
	case !vm.Retryable(err):
		return reconcile.Stalled(failed, err.Error())
	default:
		return reconcile.Retry(err)
	}
}

// holdBack spaces out attempts at an operation after a failure: Done when the next one may
// begin. What retrying cannot cure is tried slowly, the rest with back-off; a request
// made after the failure is obeyed at once.
func (r *Reconciler) holdBack(s *scope, reason string, operations ...vm.Operation) reconcile.Outcome {
	f := s.failure(operations...)
	if f == nil || retryRequested(s.vm, f.At) {
		return reconcile.Done()
	}
	if !vm.Retryable(f.Err) {
		if wait := f.At.Add(reconcile.SlowRetry).Sub(s.now); wait > 0 {
			return reconcile.Outcome{Reason: reason, Message: f.Err.Error(), After: wait}
		}
		return reconcile.Done()
	}
	key := string(s.vm.UID) + "/" + string(f.Operation)
	before := r.backoff.Attempts(key)
	wait := r.backoff.Remaining(key, f.At, s.now)
	if r.backoff.Attempts(key) != before {
		r.events.Event(s.vm, true, eventReason(f.Operation), failureMessage(f))
	}
	if wait > 0 {
		return reconcile.Wait(failureMessage(f), wait)
	}
	return reconcile.Done()
}

// failure returns the instance's failure if it is of one of the operations.
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

func retryRequested(vm *limav1.LimaVM, failed time.Time) bool {
	requested, err := time.Parse(time.RFC3339Nano, vm.Annotations[limav1.AnnotationRetryRequested])
	return err == nil && requested.After(failed)
}

func eventReason(operation vm.Operation) string {
	switch operation {
	case vm.OperationRun:
		return "MachineDied"
	case vm.OperationStart:
		return limav1.ReasonStartFailed
	case vm.OperationStop:
		return limav1.ReasonStopFailed
	case vm.OperationDelete:
		return "DeleteFailed"
	default:
		return limav1.ReasonCreateFailed
	}
}

func failureMessage(f *vm.Failure) string {
	if f.Operation == vm.OperationRun {
		return "the machine ended by itself and is started again: " + f.Err.Error()
	}
	return f.Err.Error()
}
