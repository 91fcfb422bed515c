// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// takeRequests handles the request annotations. A pass first records a value in the status. A later
// pass carries it out and removes the annotation. A daemon that is interrupted in between finds the
// value in the status, and a value in the status is not carried out twice.
func (r *Reconciler) takeRequests(ctx context.Context, s *scope) reconcile.Outcome {
	if s.noted() != noted(s.vm) {
		return reconcile.Wait("taking note of a request", busyRetry)
	}
	spent := s.spent()
	if len(spent) == 0 {
		return reconcile.Done()
	}
	patch := client.MergeFromWithOptions(s.vm.DeepCopy(), client.MergeFromWithOptimisticLock{})
	for _, annotation := range spent {
		delete(s.vm.Annotations, annotation)
	}
	if err := r.client.Patch(ctx, s.vm, patch); err != nil {
		return reconcile.Retry(err)
	}
	return reconcile.Done()
}

// notes are the values of the last requests that were recorded in the status.
type notes struct {
	restart, reset string
	// resetFrom is the request that the instance to be deleted was made for. It counts only with
	// fromKnown, which a status of an older rdd has not.
	resetFrom string
	fromKnown bool
}

// noted returns the values that are in the status.
func noted(limaVM *limav1.LimaVM) notes {
	n := notes{restart: limaVM.Status.LastRestartRequest, reset: limaVM.Status.LastResetRequest}
	if from := limaVM.Status.LastResetFrom; from != nil {
		n.resetFrom, n.fromKnown = *from, true
	}
	return n
}

// noted returns the values for the next status. A request is a value of an annotation that differs
// from the one recorded last: values have no order, so neither a wrong clock nor a wrong value is
// in the way of the next request.
func (s *scope) noted() notes {
	n := noted(s.vm)
	if s.deleting() {
		return n
	}
	if s.state != nil && !n.replaces(s.state.Incarnation) {
		n.reset = s.state.Incarnation
	}
	n.restart = cmp.Or(s.vm.Annotations[limav1.AnnotationRestartRequested], n.restart)
	asked := s.vm.Annotations[limav1.AnnotationResetRequested]
	if asked == "" || asked == n.reset {
		return n
	}
	n.reset, n.resetFrom, n.fromKnown = asked, asked, true
	if s.state != nil {
		n.resetFrom = s.state.Incarnation
	}
	return n
}

// replaces reports whether the reset that was recorded last is about the instance that was made for
// the request incarnation. Another instance is newer than the record, which was restored from a
// backup: it must not delete a disk.
func (n notes) replaces(incarnation string) bool {
	switch {
	case n.reset == incarnation:
		return true
	case n.fromKnown:
		return n.resetFrom == incarnation
	default:
		return later(n.reset, incarnation)
	}
}

// later reports whether a reset was requested after the one that an instance was created for. It
// decides about a status that an older rdd has written. Values that are not times are compared for
// equality only. The empty value is before all others.
func later(reset, incarnation string) bool {
	asked, err := time.Parse(time.RFC3339Nano, reset)
	made, errMade := time.Parse(time.RFC3339Nano, incarnation)
	if err == nil && errMade == nil {
		return asked.After(made)
	}
	return reset != "" && reset != incarnation
}

// resetting reports whether the instance is to be deleted and created from scratch.
func (s *scope) resetting() bool {
	return s.state != nil && !s.deleting() && s.state.Incarnation != s.noted().reset
}

// spent returns the request annotations that have been carried out and can be removed.
func (s *scope) spent() []string {
	has := func(annotation string) bool { _, ok := s.vm.Annotations[annotation]; return ok }
	var spent []string
	for _, annotation := range []string{limav1.AnnotationRestartRequested, limav1.AnnotationResetRequested} {
		if has(annotation) {
			spent = append(spent, annotation)
		}
	}
	if has(limav1.AnnotationAdoptFrom) && !has(limav1.AnnotationRenameFrom) && s.state != nil {
		spent = append(spent, limav1.AnnotationAdoptFrom)
	}
	if has(limav1.AnnotationForceStop) && s.nothingToStop() {
		spent = append(spent, limav1.AnnotationForceStop)
	}
	return spent
}

// nothingToStop reports whether no machine is up that should stop.
func (s *scope) nothingToStop() bool {
	switch s.phase() {
	case vm.PhaseRunning:
		return s.vm.Spec.Running && s.state.RunningRevision == s.state.Revision && !s.resetting()
	case vm.PhaseStarting, vm.PhaseStopping, vm.PhaseDeleting:
		return false
	default:
		return true
	}
}

// stopMode returns how the machine is stopped: by force if that was requested.
func (s *scope) stopMode() vm.StopMode {
	if _, force := s.vm.Annotations[limav1.AnnotationForceStop]; force {
		return vm.StopForce
	}
	return vm.StopShutdown
}

// resetInstance deletes an instance that was created before the last requested reset. The steps
// after it create the instance again.
func (r *Reconciler) resetInstance(ctx context.Context, s *scope) reconcile.Outcome {
	if !s.resetting() {
		return reconcile.Done()
	}
	if o := r.endMachine(ctx, s); !o.IsDone() {
		return o
	}
	return r.deleteInstance(ctx, s)
}

// revisionFor returns the revision of a template and params, identified by hash, and a restart
// request. A new request changes the revision as an edit does, so a running machine is restarted.
func revisionFor(hash, restartRequest string) string {
	if restartRequest == "" {
		return hash
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", hash, restartRequest))
	return hex.EncodeToString(sum[:16])
}
