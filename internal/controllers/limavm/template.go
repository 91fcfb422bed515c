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
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// kind is the LimaVM's kind in owner references.
const kind = "LimaVM"

// ensureTemplate reads the LimaVM's own copy of its template, or creates it. A copy that is not in
// the status, because the daemon was killed in between, is recognised by its owner reference.
func (r *Reconciler) ensureTemplate(ctx context.Context, s *scope) reconcile.Outcome {
	own := templateOf(s.vm)
	found, err := reconcile.Find(ctx, r.client, own)
	switch {
	case err != nil:
		return reconcile.Retry(err)
	case found && reconcile.OwnedBy(own, s.vm) && replaceable(own):
		return r.replaceTemplate(ctx, s, own)
	case found && reconcile.OwnedBy(own, s.vm):
		s.template = own
		if o := r.guardTemplate(ctx, own); !o.IsDone() {
			return o
		}
		return r.keepCopy(ctx, s, "")
	case found:
		return s.stallSource("ConfigMap %q already exists and is not this LimaVM's: delete or rename it", client.ObjectKeyFromObject(own))
	case s.vm.Annotations[limav1.AnnotationTemplateCopy] != "":
		return r.createTemplate(ctx, s, own, s.vm.Annotations[limav1.AnnotationTemplateCopy])
	case s.vm.Status.TemplateConfigMap != "":
		return s.stallSource("the template ConfigMap %q is gone: delete the LimaVM and create it again", client.ObjectKeyFromObject(own))
	}
	return r.copySource(ctx, s, own)
}

// templateOf returns an empty ConfigMap with namespace and name of the LimaVM's own template.
func templateOf(limaVM *limav1.LimaVM) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: limaVM.Namespace, Name: limaVM.Name + limav1.TemplateSuffix}}
}

// guardTemplate adds the finalizer to a template that has lost it. It removes the finalizer from a
// template that is being deleted.
func (r *Reconciler) guardTemplate(ctx context.Context, own *corev1.ConfigMap) reconcile.Outcome {
	if !own.DeletionTimestamp.IsZero() {
		return reconcile.RetryIf(reconcile.RemoveFinalizer(ctx, r.client, own, limav1.FinalizerOwnedByLimaVM))
	}
	return reconcile.RetryIf(reconcile.AddFinalizer(ctx, r.client, own, limav1.FinalizerOwnedByLimaVM))
}

// copySource copies the source ConfigMap. It validates it again, as the source may have changed
// since the LimaVM was admitted.
func (r *Reconciler) copySource(ctx context.Context, s *scope, own *corev1.ConfigMap) reconcile.Outcome {
	source := &corev1.ConfigMap{}
	err := r.client.Get(ctx, sourceKey(s.vm), source)
	if apierrors.IsNotFound(err) {
		return s.stallSource("the source ConfigMap %q does not exist", sourceKey(s.vm))
	}
	if err != nil {
		return reconcile.Retry(err)
	}
	if o := r.checkTemplate(s, source); !o.IsDone() {
		return o
	}
	return r.createTemplate(ctx, s, own, source.Data[limav1.TemplateKey])
}

// createTemplate creates the LimaVM's own template with a text.
func (r *Reconciler) createTemplate(ctx context.Context, s *scope, own *corev1.ConfigMap, text string) reconcile.Outcome {
	own.Labels = map[string]string{limav1.LabelTemplateConfigMap: "true"}
	own.Finalizers = []string{limav1.FinalizerOwnedByLimaVM}
	own.OwnerReferences = []metav1.OwnerReference{reconcile.OwnerReference(s.vm, limav1.GroupVersion.WithKind(kind))}
	own.Data = map[string]string{limav1.TemplateKey: text}
	if err := r.client.Create(ctx, own); err != nil {
		return reconcile.Retry(fmt.Errorf("copying the template to ConfigMap %q: %w", client.ObjectKeyFromObject(own), err))
	}
	s.template = own
	return reconcile.Done()
}

// sourceKey returns namespace and name of the source ConfigMap.
func sourceKey(limaVM *limav1.LimaVM) client.ObjectKey {
	key := client.ObjectKey{Namespace: limaVM.Spec.TemplateRef.Namespace, Name: limaVM.Spec.TemplateRef.Name}
	if key.Namespace == "" {
		key.Namespace = limaVM.Namespace
	}
	return key
}

// readTemplate validates the copy with the params, and computes the wanted revision.
func (r *Reconciler) readTemplate(_ context.Context, s *scope) reconcile.Outcome {
	if o := r.checkTemplate(s, s.template); !o.IsDone() {
		return o
	}
	s.hash = template.Revision([]byte(s.template.Data[limav1.TemplateKey]), s.vm.Spec.Params)
	s.revision = revisionFor(s.hash, s.vm.Status.LastRestartRequest)
	return reconcile.Done()
}

// stallSource stalls the pass because of the source or the template ConfigMap. format has one %q,
// for the key.
func (s *scope) stallSource(format string, key client.ObjectKey) reconcile.Outcome {
	return s.stall(vm.OperationCreate, &vm.Fault{Kind: vm.FaultSpec, Field: limav1.FieldTemplateRef, Text: fmt.Sprintf(format, key)})
}

// checkTemplate stalls the pass when the template in a ConfigMap is invalid. The condition's
// message names the ConfigMap; the failure is about the template alone.
func (r *Reconciler) checkTemplate(s *scope, cm *corev1.ConfigMap) reconcile.Outcome {
	err := checkTemplate(cm, s.vm.Spec.Params, r.host)
	if err == nil {
		return reconcile.Done()
	}
	o := s.stall(vm.OperationCreate, vm.FaultOf(err))
	o.Message = inConfigMap(cm, err).Error()
	return o
}

// checkTemplate validates the template in a ConfigMap. The error names the field, and is of kind
// vm.FaultSpec.
func checkTemplate(cm *corev1.ConfigMap, params map[string]string, host template.Host) error {
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
	return vm.WithKind(vm.FaultSpec, err)
}

// inConfigMap adds the ConfigMap's name to an error.
func inConfigMap(cm *corev1.ConfigMap, err error) error {
	return fmt.Errorf("ConfigMap %q: %w", client.ObjectKeyFromObject(cm), err)
}
