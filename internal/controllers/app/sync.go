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

// dropInput deletes the input ConfigMap once the LimaVM has its own copy. The pass continues: the
// deletion alone may not wake the reconciler.
func (r *Reconciler) dropInput(ctx context.Context, s *scope) reconcile.Outcome {
	if s.bootstrapping() {
		return reconcile.Done()
	}
	return r.deleteInput(ctx, s)
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

// syncRunning copies spec.running to the LimaVM.
func (r *Reconciler) syncRunning(ctx context.Context, s *scope) reconcile.Outcome {
	if s.limaVM.Spec.Running == s.app.Spec.Running {
		return reconcile.Done()
	}
	patch := client.MergeFromWithOptions(s.limaVM.DeepCopy(), client.MergeFromWithOptimisticLock{})
	s.limaVM.Spec.Running = s.app.Spec.Running
	return refusable(r.client.Patch(ctx, s.limaVM, patch))
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
