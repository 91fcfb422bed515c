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

// takeRequests sees to the annotations that ask for something once. A value is noted by the status
// write that ends a pass, and carried out and removed only in a later one: whoever is interrupted
// in between finds it noted, and a value that is noted already is not carried out again.
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

// notes are the values of the requests that were taken note of last.
type notes struct{ restart, reset string }

// noted is what the status says.
func noted(limaVM *limav1.LimaVM) notes {
	return notes{restart: limaVM.Status.LastRestartRequest, reset: limaVM.Status.LastResetRequest}
}

// noted is what the status is to say: the annotations' values where there are some. An instance
// that was made for a later reset than the status knows of outlived that status, and corrects it.
func (s *scope) noted() notes {
	n := noted(s.vm)
	if s.deleting() {
		return n
	}
	if s.state != nil && s.state.Incarnation != n.reset && !later(n.reset, s.state.Incarnation) {
		n.reset = s.state.Incarnation
	}
	n.restart = cmp.Or(s.vm.Annotations[limav1.AnnotationRestartRequested], n.restart)
	n.reset = cmp.Or(s.vm.Annotations[limav1.AnnotationResetRequested], n.reset)
	return n
}

// later reports whether a reset was asked for after the one that an instance was made for. Values
// that are no times tell nothing but that they differ. The empty value is before all others: a
// status that was restored from an old copy must not cost anyone their disk.
func later(reset, incarnation string) bool {
	asked, err := time.Parse(time.RFC3339Nano, reset)
	made, errMade := time.Parse(time.RFC3339Nano, incarnation)
	if err == nil && errMade == nil {
		return asked.After(made)
	}
	return reset != "" && reset != incarnation
}

// resetting says that the instance is to be deleted, and made anew.
func (s *scope) resetting() bool {
	return s.state != nil && !s.deleting() && s.state.Incarnation != s.noted().reset
}

// spent lists the annotations that have served their turn.
func (s *scope) spent() []string {
	has := func(annotation string) bool { _, ok := s.vm.Annotations[annotation]; return ok }
	var spent []string
	for _, annotation := range []string{limav1.AnnotationRestartRequested, limav1.AnnotationResetRequested} {
		if has(annotation) {
			spent = append(spent, annotation)
		}
	}
	if has(limav1.AnnotationAdoptFrom) && s.state != nil {
		spent = append(spent, limav1.AnnotationAdoptFrom)
	}
	if has(limav1.AnnotationForceStop) && s.nothingToStop() {
		spent = append(spent, limav1.AnnotationForceStop)
	}
	return spent
}

// nothingToStop says that no machine is up, or one that is meant to be.
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

// stopMode is how the machine is to be stopped.
func (s *scope) stopMode() vm.StopMode {
	if _, force := s.vm.Annotations[limav1.AnnotationForceStop]; force {
		return vm.StopForce
	}
	return vm.StopShutdown
}

// resetInstance deletes an instance that was made before the reset that was asked for last. What
// follows makes it anew.
func (r *Reconciler) resetInstance(ctx context.Context, s *scope) reconcile.Outcome {
	if !s.resetting() {
		return reconcile.Done()
	}
	if o := r.endMachine(ctx, s); !o.IsDone() {
		return o
	}
	return r.deleteInstance(ctx, s)
}

// revisionFor is the engine's revision of a template and params, identified by hash, that
// restarts were asked for: a new request makes a running machine as outdated as an edit does.
func revisionFor(hash, restartRequest string) string {
	if restartRequest == "" {
		return hash
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", hash, restartRequest))
	return hex.EncodeToString(sum[:16])
}
