// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// kind of the owner in owner references.
const kind = "LimaVM"

// ensureTemplate sees to the LimaVM's own copy of its template. A copy whose
// making was not noted before a crash is known by its owner reference.
func (r *Reconciler) ensureTemplate(ctx context.Context, s *scope) reconcile.Outcome {
	own := templateOf(s.vm)
	found, err := reconcile.Find(ctx, r.client, own)
	switch {
	case err != nil:
		return reconcile.Retry(err)
	case found && reconcile.OwnedBy(own, s.vm):
		s.template = own
		return r.guardTemplate(ctx, own)
	case found:
		return reconcile.Stalled(limav1.ReasonCreateFailed, fmt.Sprintf(
			"ConfigMap %q already exists and is not this LimaVM's: delete or rename it", client.ObjectKeyFromObject(own)))
	case s.vm.Status.TemplateConfigMap != "":
		return reconcile.Stalled(limav1.ReasonCreateFailed, fmt.Sprintf(
			"the template ConfigMap %q is gone: delete the LimaVM and create it again", client.ObjectKeyFromObject(own)))
	}
	return r.copySource(ctx, s, own)
}

// templateOf is the empty ConfigMap of the name that the LimaVM's own template has.
func templateOf(vm *limav1.LimaVM) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: vm.Namespace, Name: vm.Name + limav1.TemplateSuffix}}
}

// guardTemplate puts the claim back on a template that has lost it; one that is being deleted is let go.
func (r *Reconciler) guardTemplate(ctx context.Context, own *corev1.ConfigMap) reconcile.Outcome {
	if !own.DeletionTimestamp.IsZero() {
		return reconcile.RetryIf(reconcile.RemoveFinalizer(ctx, r.client, own, limav1.FinalizerOwnedByLimaVM))
	}
	return reconcile.RetryIf(reconcile.AddFinalizer(ctx, r.client, own, limav1.FinalizerOwnedByLimaVM))
}

// copySource validates the source once more and copies it.
func (r *Reconciler) copySource(ctx context.Context, s *scope, own *corev1.ConfigMap) reconcile.Outcome {
	source := &corev1.ConfigMap{}
	err := r.client.Get(ctx, sourceKey(s.vm), source)
	if apierrors.IsNotFound(err) {
		return reconcile.Stalled(limav1.ReasonCreateFailed, fmt.Sprintf("the source ConfigMap %q does not exist", sourceKey(s.vm)))
	}
	if err != nil {
		return reconcile.Retry(err)
	}
	if err := r.validate(source, s.vm.Spec.Params); err != nil {
		return reconcile.Stalled(limav1.ReasonCreateFailed, err.Error())
	}
	own.Labels = map[string]string{limav1.LabelTemplateConfigMap: "true"}
	own.Finalizers = []string{limav1.FinalizerOwnedByLimaVM}
	own.OwnerReferences = []metav1.OwnerReference{reconcile.OwnerReference(s.vm, limav1.GroupVersion.WithKind(kind))}
	own.Data = map[string]string{limav1.TemplateKey: source.Data[limav1.TemplateKey]}
	if err := r.client.Create(ctx, own); err != nil {
		return reconcile.Retry(fmt.Errorf("copying ConfigMap %q: %w", sourceKey(s.vm), err))
	}
	s.template = own
	return reconcile.Done()
}

// sourceKey names the source ConfigMap.
func sourceKey(vm *limav1.LimaVM) client.ObjectKey {
	key := client.ObjectKey{Namespace: vm.Spec.TemplateRef.Namespace, Name: vm.Spec.TemplateRef.Name}
	if key.Namespace == "" {
		key.Namespace = vm.Namespace
	}
	return key
}

// readTemplate validates the copy with the params and says what revision is wanted.
func (r *Reconciler) readTemplate(_ context.Context, s *scope) reconcile.Outcome {
	if err := r.validate(s.template, s.vm.Spec.Params); err != nil {
		return reconcile.Stalled(limav1.ReasonCreateFailed, err.Error())
	}
	s.hash = template.Revision([]byte(s.template.Data[limav1.TemplateKey]), s.vm.Spec.Params)
	s.revision = revisionFor(s.hash, s.vm.Status.LastRestartRequest)
	return reconcile.Done()
}

func (r *Reconciler) validate(cm *corev1.ConfigMap, params map[string]string) error {
	return validateTemplate(cm, params, r.host)
}

// validateTemplate judges the template in a ConfigMap; the error names the ConfigMap and the field.
func validateTemplate(cm *corev1.ConfigMap, params map[string]string, host template.Host) error {
	data, ok := cm.Data[limav1.TemplateKey]
	var err error
	switch {
	case !ok:
		err = fmt.Errorf("it has no key %q", limav1.TemplateKey)
	case data == "":
		err = fmt.Errorf("%q data cannot be empty", limav1.TemplateKey)
	default:
		_, err = template.Load([]byte(data), params, host)
	}
	if err != nil {
		return fmt.Errorf("ConfigMap %q: %w", client.ObjectKeyFromObject(cm), err)
	}
	return nil
}
