// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// shutDown stops the machine of a LimaVM that is being deleted, for at most shutdownLimit. A
// machine that still runs after that is killed when the instance is deleted.
func (r *Reconciler) shutDown(ctx context.Context, s *scope) reconcile.Outcome {
	wait := s.vm.DeletionTimestamp.Add(shutdownLimit).Sub(s.now)
	if wait <= 0 {
		return reconcile.Done()
	}
	o := r.endMachine(ctx, s)
	if o.IsDone() || o.IsStalled() {
		return o
	}
	return o.Sooner(min(wait, shutdownLimit)) // the clock may have been set back
}

// endMachine shuts a running guest down before its disk is deleted. It does nothing when that has
// failed, when a forced stop was requested, and for a guest that was never up, which has nothing to
// save and may hang in its boot: deleting the instance kills the machine.
func (r *Reconciler) endMachine(ctx context.Context, s *scope) reconcile.Outcome {
	if s.failure(vm.OperationStop) != nil || s.stopMode() == vm.StopForce {
		return reconcile.Done()
	}
	switch s.phase() {
	case vm.PhaseRunning:
		s.acted = true
		err := r.engine.Stop(ctx, s.owner(), s.vm.Name, vm.StopShutdown)
		if err != nil && !errors.Is(err, vm.ErrNotFound) {
			return s.engineOutcome(vm.OperationStop, err)
		}
		return reconcile.Wait("stopping the machine", 0)
	case vm.PhaseStopping:
		if !s.state.WasRunning {
			return reconcile.Done()
		}
		return reconcile.Wait("stopping the machine", 0)
	default:
		return reconcile.Done()
	}
}

// deleteInstance deletes the instance from disk. It calls Delete even when no instance was
// observed, and is done when none is observed after that.
func (r *Reconciler) deleteInstance(ctx context.Context, s *scope) reconcile.Outcome {
	if o := r.holdBack(s, vm.OperationDelete); !o.IsDone() {
		return o
	}
	err := r.engine.Delete(ctx, s.owner(), s.vm.Name)
	var damaged *vm.DamagedError
	if errors.As(err, &damaged) {
		err = r.setAside(ctx, s)
	}
	var taken *vm.NameTakenError
	if errors.As(err, &taken) {
		return reconcile.Done() // the instance is another LimaVM's: ours does not exist
	}
	if o := s.engineOutcome(vm.OperationDelete, err); !o.IsDone() {
		return o
	}
	if o := r.observe(ctx, s); !o.IsDone() {
		return o
	}
	if s.state != nil {
		return reconcile.Wait("deleting the instance", 0)
	}
	return reconcile.Done()
}

// setAside moves an instance directory out of the way whose owner cannot be read any more. It is
// another one's, as far as is known, when this LimaVM had none.
func (r *Reconciler) setAside(ctx context.Context, s *scope) error {
	salvager, ok := r.engine.(vm.Salvager)
	if !ok || !s.vm.Status.HadInstance() {
		return &vm.NameTakenError{Name: s.vm.Name}
	}
	return salvager.SetAside(ctx, s.owner(), s.vm.Name)
}

// deleteTemplate removes the finalizer from the LimaVM's own template, and deletes it.
func (r *Reconciler) deleteTemplate(ctx context.Context, s *scope) reconcile.Outcome {
	return templateChild(templateOf(s.vm), func(cm client.Object) bool { return reconcile.OwnedBy(cm, s.vm) }).Delete(ctx, r.client)
}

func templateChild(own *corev1.ConfigMap, mine func(client.Object) bool) reconcile.Child {
	return reconcile.Child{Object: own, Kind: "ConfigMap", Mine: mine, Finalizer: limav1.FinalizerOwnedByLimaVM}
}

// deleteSource deletes the source ConfigMap if its label says that it was created for this LimaVM.
func (r *Reconciler) deleteSource(ctx context.Context, s *scope) reconcile.Outcome {
	key := sourceKey(s.vm)
	if key.Namespace != s.vm.Namespace {
		return reconcile.Done()
	}
	source := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	return reconcile.Child{
		Object: source, Kind: "ConfigMap",
		Mine: func(cm client.Object) bool { return cm.GetLabels()[limav1.LabelSourceOf] == s.vm.Name },
	}.Delete(ctx, r.client)
}

// removeFinalizer is the last step: every step before has read that what it deletes does not exist
// any more.
func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) reconcile.Outcome {
	err := reconcile.RemoveFinalizer(ctx, r.client, s.vm, limav1.FinalizerCleanup)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Retry(err)
	}
	s.released = true
	r.forget(s.vm)
	return reconcile.Done()
}

// forget drops what the reconciler keeps in memory for a LimaVM.
func (r *Reconciler) forget(limaVM *limav1.LimaVM) {
	r.throttle.lastWrite.forget(limaVM.UID)
	r.ports.full.forget(limaVM.UID)
	r.tried.forget(limaVM.UID)
	for _, operation := range []vm.Operation{vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationDelete, vm.OperationRun} {
		r.backoff.Forget(string(limaVM.UID) + "/" + string(operation))
	}
}

// sweep deletes the template of a LimaVM that does not exist. Its finalizer would have prevented
// that, so somebody has removed that by force.
func (r *Reconciler) sweep(ctx context.Context, s *scope) reconcile.Outcome {
	orphan := func(cm client.Object) bool {
		owner, ok := templateOwner(cm)
		return ok && owner == s.vm.Name
	}
	o := templateChild(templateOf(s.vm), orphan).Delete(ctx, r.client)
	if o.Err != nil {
		return reconcile.Retry(fmt.Errorf("sweeping up after LimaVM %s/%s: %w", s.vm.Namespace, s.vm.Name, o.Err))
	}
	return o
}

// templateOwner returns the name of the LimaVM that a ConfigMap's owner reference names.
func templateOwner(cm metav1.Object) (string, bool) {
	owner := metav1.GetControllerOf(cm)
	if owner == nil || owner.Kind != kind || owner.APIVersion != limav1.GroupVersion.String() {
		return "", false
	}
	return owner.Name, true
}
