// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// stopFirst copies spec.running to the LimaVM when its machine should stop. It comes before every
// step that may be refused or has to wait: nothing keeps a machine running that should not.
func (r *Reconciler) stopFirst(ctx context.Context, s *scope) reconcile.Outcome {
	if s.app.Spec.Running {
		return reconcile.Done()
	}
	vm := &limav1.LimaVM{ObjectMeta: s.meta(appv1.LimaVMName)}
	found, err := reconcile.Find(ctx, r.client, vm)
	if err != nil || !found || !reconcile.OwnedBy(vm, s.app) {
		return reconcile.RetryIf(err)
	}
	return r.setRunning(ctx, vm, false)
}

// dropInput deletes the input ConfigMap once the LimaVM has its own copy. The pass continues, also
// while the ConfigMap waits for a finalizer of others: it is not needed any more.
func (r *Reconciler) dropInput(ctx context.Context, s *scope) reconcile.Outcome {
	if s.bootstrapping() {
		return reconcile.Done()
	}
	return reconcile.RetryIf(r.deleteInput(ctx, s).Err)
}

// syncMachine updates the template and then spec.running, so that a machine starts with the new
// template. One whose template is refused is started with the old one.
func (r *Reconciler) syncMachine(ctx context.Context, s *scope) reconcile.Outcome {
	template := r.syncTemplate(ctx, s)
	if template.Err != nil {
		return template
	}
	if o := r.setRunning(ctx, s.limaVM, s.app.Spec.Running); !o.IsDone() {
		return o
	}
	return template
}

// syncTemplate renders the spec into the LimaVM's template, if that describes another machine.
func (r *Reconciler) syncTemplate(ctx context.Context, s *scope) reconcile.Outcome {
	if s.bootstrapping() {
		return reconcile.Done()
	}
	own := &corev1.ConfigMap{ObjectMeta: s.meta(s.limaVM.Status.TemplateConfigMap)}
	found, err := reconcile.Find(ctx, r.client, own)
	if err != nil {
		return reconcile.Retry(err)
	}
	if !found || !reconcile.OwnedBy(own, s.limaVM) {
		return reconcile.Wait(fmt.Sprintf("waiting for the template ConfigMap %q of the LimaVM", client.ObjectKeyFromObject(own)), 0)
	}
	if reconcile.Immutable(own) {
		return reconcile.Wait(fmt.Sprintf("waiting until the immutable ConfigMap %q is replaced", client.ObjectKeyFromObject(own)), 0)
	}
	m := r.facts.wanted(s.app.Spec)
	text, err := render(m)
	if err != nil {
		return reconcile.Stalled(appv1.ReasonBootstrapFailed, err.Error())
	}
	// The text is the same in most passes; loading and comparing two templates costs more.
	if data := own.Data[appv1.TemplateKey]; data != text && !r.facts.matches(data, m) {
		if o := r.writeTemplate(ctx, own, text); !o.IsDone() {
			return o
		}
	}
	s.template = own
	return reconcile.Done()
}

// setRunning sets spec.running of the LimaVM, if it differs.
func (r *Reconciler) setRunning(ctx context.Context, vm *limav1.LimaVM, running bool) reconcile.Outcome {
	if vm.Spec.Running == running {
		return reconcile.Done()
	}
	patch := client.MergeFromWithOptions(vm.DeepCopy(), client.MergeFromWithOptimisticLock{})
	vm.Spec.Running = running
	return refusable(r.client.Patch(ctx, vm, patch))
}

// limaVMChild returns the LimaVM as a child that can be deleted, and the object that it is read
// into. Deleting it sets s.foreign.
func (s *scope) limaVMChild() (reconcile.Child, *limav1.LimaVM) {
	vm := &limav1.LimaVM{ObjectMeta: s.meta(appv1.LimaVMName)}
	return reconcile.Child{
		Object: vm, Kind: "LimaVM", Finalizer: appv1.FinalizerOwnedByApp,
		Mine: func(obj client.Object) bool {
			s.foreign = !reconcile.OwnedBy(obj, s.app)
			return !s.foreign
		},
	}, vm
}
