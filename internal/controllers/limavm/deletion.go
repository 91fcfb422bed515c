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

// shutDown ends the machine of a LimaVM that is deleted, for a bounded time; whatever
// runs after that ends with the deletion of the instance.
func (r *Reconciler) shutDown(ctx context.Context, s *scope) reconcile.Outcome {
	wait := s.vm.DeletionTimestamp.Add(shutdownLimit).Sub(s.now)
	if wait <= 0 {
		return reconcile.Done()
	}
	o := r.endMachine(ctx, s)
	if o.IsDone() || o.IsStalled() {
		return o
	}
	return o.Sooner(wait)
}

// endMachine lets a running guest shut down before its disk goes. One that was told to and
// cannot, and one that is to be forced, end with the instance.
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
		return reconcile.Wait("stopping the machine", 0)
	default:
		return reconcile.Done()
	}
}

// deleteInstance removes the instance from disk. Delete is called even when nothing was
// observed, and the instance is gone when it is observed to be gone after that.
func (r *Reconciler) deleteInstance(ctx context.Context, s *scope) reconcile.Outcome {
	if o := r.holdBack(s, vm.OperationDelete); !o.IsDone() {
		return o
	}
	err := r.engine.Delete(ctx, s.owner(), s.vm.Name)
	var taken *vm.NameTakenError
	if errors.As(err, &taken) {
		return reconcile.Done() // the name is another's: nothing of ours is there
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

// deleteTemplate releases and deletes the LimaVM's own template.
func (r *Reconciler) deleteTemplate(ctx context.Context, s *scope) reconcile.Outcome {
	return templateChild(templateOf(s.vm), func(cm client.Object) bool { return reconcile.OwnedBy(cm, s.vm) }).Delete(ctx, r.client)
}

func templateChild(own *corev1.ConfigMap, mine func(client.Object) bool) reconcile.Child {
	return reconcile.Child{Object: own, Kind: "ConfigMap", Mine: mine, Finalizer: limav1.FinalizerOwnedByLimaVM}
}

// deleteSource deletes the source ConfigMap if it was made for this LimaVM.
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

// removeFinalizer comes last: every step before has seen with its own eyes that what it is about is
// gone.
func (r *Reconciler) removeFinalizer(ctx context.Context, s *scope) reconcile.Outcome {
	err := reconcile.RemoveFinalizer(ctx, r.client, s.vm, limav1.FinalizerCleanup)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Retry(err)
	}
	s.released = true
	r.forget(s.vm)
	return reconcile.Done()
}

func (r *Reconciler) forget(limaVM *limav1.LimaVM) {
	r.pace.last.forget(limaVM.UID)
	r.tried.forget(limaVM.UID)
	for _, operation := range []vm.Operation{vm.OperationCreate, vm.OperationStart, vm.OperationStop, vm.OperationDelete, vm.OperationRun} {
		r.backoff.Forget(string(limaVM.UID) + "/" + string(operation))
	}
}

// sweep releases and deletes the template of a LimaVM that is gone although its finalizer
// should have kept it: someone took that away by force.
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

// templateOwner is the name of the LimaVM that a ConfigMap says it is the template of.
func templateOwner(cm metav1.Object) (string, bool) {
	owner := metav1.GetControllerOf(cm)
	if owner == nil || owner.Kind != kind || owner.APIVersion != limav1.GroupVersion.String() {
		return "", false
	}
	return owner.Name, true
}
