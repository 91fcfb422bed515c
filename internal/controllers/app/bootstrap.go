// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// ensureNamespace creates the namespace if it is missing. The App owns it only then.
func (r *Reconciler) ensureNamespace(ctx context.Context, s *scope) reconcile.Outcome {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.app.Spec.Namespace}}
	found, err := reconcile.Find(ctx, r.client, ns)
	if err != nil {
		return reconcile.Retry(err)
	}
	if found && !ns.DeletionTimestamp.IsZero() {
		return reconcile.Wait(fmt.Sprintf("waiting for Namespace %q, which is being deleted, to be gone", ns.Name), 0)
	}
	if !found {
		ns.ObjectMeta = s.owned("")
		ns.Namespace, ns.Name = "", s.app.Spec.Namespace
		if err := r.client.Create(ctx, ns); err != nil {
			return reconcile.Retry(err)
		}
	}
	s.namespace = ns
	return reconcile.Done()
}

// readLimaVM reads the LimaVM. A LimaVM that the App does not own is left alone, and stalls the
// pass. The App's own keeps the App's finalizer. When it is being deleted although it is guarded,
// the finalizer is removed, and a later pass creates the LimaVM again.
func (r *Reconciler) readLimaVM(ctx context.Context, s *scope) reconcile.Outcome {
	vm := &limav1.LimaVM{ObjectMeta: s.meta(appv1.LimaVMName)}
	found, err := reconcile.Find(ctx, r.client, vm)
	if err != nil {
		return reconcile.Retry(err)
	}
	s.limaVMRead = true
	switch {
	case !found:
		return reconcile.Done()
	case !reconcile.OwnedBy(vm, s.app):
		s.foreign = true
		return foreign("LimaVM", vm, s.app)
	}
	s.limaVM = vm
	if vm.DeletionTimestamp.IsZero() {
		return reconcile.RetryIf(reconcile.AddFinalizer(ctx, r.client, vm, appv1.FinalizerOwnedByApp))
	}
	if err := reconcile.RemoveFinalizer(ctx, r.client, vm, appv1.FinalizerOwnedByApp); client.IgnoreNotFound(err) != nil {
		return reconcile.Retry(err)
	}
	return reconcile.Wait(fmt.Sprintf("waiting for LimaVM %q, which is being deleted, to be gone", client.ObjectKeyFromObject(vm)), 0)
}

// foreign stalls the pass because an object that the App does not own has a name that the App
// needs.
func foreign(kindOf string, obj client.Object, app *appv1.App) reconcile.Outcome {
	return reconcile.Stalled(appv1.ReasonForeignObject, fmt.Sprintf(
		"%s %q exists and does not belong to App %q, which needs that name: delete it or rename it, or delete the App and choose another "+
			"spec.namespace",
		kindOf, client.ObjectKeyFromObject(obj), app.Name))
}

// ensureInput creates or updates the input ConfigMap, from which the LimaVM copies its template.
func (r *Reconciler) ensureInput(ctx context.Context, s *scope) reconcile.Outcome {
	if !s.bootstrapping() {
		return reconcile.Done()
	}
	text, err := render(r.facts.wanted(s.app.Spec))
	if err != nil {
		return reconcile.Stalled(appv1.ReasonBootstrapFailed, err.Error())
	}
	input := &corev1.ConfigMap{ObjectMeta: s.meta(appv1.LimaVMName)}
	found, err := reconcile.Find(ctx, r.client, input)
	switch {
	case err != nil:
		return reconcile.Retry(err)
	case !found:
		input.ObjectMeta, input.Data = s.owned(appv1.LimaVMName), map[string]string{appv1.TemplateKey: text}
		return refusable(r.client.Create(ctx, input))
	case !reconcile.OwnedBy(input, s.app):
		return foreign("ConfigMap", input, s.app)
	case reconcile.Immutable(input) && input.Data[appv1.TemplateKey] != text:
		if o := r.deleteInput(ctx, s); !o.IsDone() {
			return o
		}
		return r.ensureInput(ctx, s) // it does not exist any more
	default:
		return r.writeTemplate(ctx, input, text)
	}
}

// writeTemplate sets a ConfigMap's template if it differs. It fails with a conflict when the
// ConfigMap has changed since it was read.
func (r *Reconciler) writeTemplate(ctx context.Context, cm *corev1.ConfigMap, text string) reconcile.Outcome {
	if cm.Data[appv1.TemplateKey] == text {
		return reconcile.Done()
	}
	patch := client.MergeFromWithOptions(cm.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if cm.Data == nil {
		cm.Data = map[string]string{}
	}
	cm.Data[appv1.TemplateKey] = text
	return refusable(r.client.Patch(ctx, cm, patch))
}

// ensureLimaVM creates the LimaVM, which refers to the input ConfigMap.
func (r *Reconciler) ensureLimaVM(ctx context.Context, s *scope) reconcile.Outcome {
	if s.limaVM != nil {
		return reconcile.Done()
	}
	vm := &limav1.LimaVM{
		ObjectMeta: s.owned(appv1.LimaVMName),
		Spec: limav1.LimaVMSpec{
			TemplateRef: limav1.TemplateReference{Name: appv1.LimaVMName},
			Running:     s.app.Spec.Running,
		},
	}
	vm.Finalizers = []string{appv1.FinalizerOwnedByApp}
	if err := r.client.Create(ctx, vm); err != nil {
		return refusable(err)
	}
	s.limaVM = vm
	return reconcile.Done()
}

// refusable returns the outcome of a write that admission may refuse. A refusal is Stalled, other
// errors are retried. A namespace that is being deleted is no refusal: it is created again later.
func refusable(err error) reconcile.Outcome {
	refused := apierrors.IsForbidden(err) || apierrors.IsInvalid(err)
	if refused && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return reconcile.Stalled(appv1.ReasonBootstrapFailed, err.Error())
	}
	return reconcile.RetryIf(err)
}
