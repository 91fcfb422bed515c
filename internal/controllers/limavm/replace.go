// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// maxCopy is the longest template that is kept in an annotation, in bytes. All annotations of an
// object together may have 256 KiB.
const maxCopy = 200 << 10

// replaceable reports whether a template's ConfigMap is to be replaced: it is immutable, so that it
// follows no change any more. Such changes are refused, but it may be from before they were. A
// template that is too large stays as it is.
func replaceable(own *corev1.ConfigMap) bool {
	text := own.Data[limav1.TemplateKey]
	return reconcile.Immutable(own) && text != "" && len(text) <= maxCopy
}

// replaceTemplate deletes the template's ConfigMap, which is immutable, and creates it again. An
// annotation of the LimaVM keeps the text meanwhile: an interrupted daemon finds it there.
func (r *Reconciler) replaceTemplate(ctx context.Context, s *scope, own *corev1.ConfigMap) reconcile.Outcome {
	text := own.Data[limav1.TemplateKey]
	if o := r.keepCopy(ctx, s, text); !o.IsDone() {
		return o
	}
	mine := func(cm client.Object) bool { return reconcile.OwnedBy(cm, s.vm) }
	if o := templateChild(own, mine).Delete(ctx, r.client); !o.IsDone() {
		return o
	}
	return r.createTemplate(ctx, s, templateOf(s.vm), text)
}

// keepCopy sets the annotation that keeps the template; an empty text removes it.
func (r *Reconciler) keepCopy(ctx context.Context, s *scope, text string) reconcile.Outcome {
	if kept, has := s.vm.Annotations[limav1.AnnotationTemplateCopy]; kept == text && has == (text != "") {
		return reconcile.Done()
	}
	patch := client.MergeFromWithOptions(s.vm.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if s.vm.Annotations == nil {
		s.vm.Annotations = map[string]string{}
	}
	s.vm.Annotations[limav1.AnnotationTemplateCopy] = text
	if text == "" {
		delete(s.vm.Annotations, limav1.AnnotationTemplateCopy)
	}
	return reconcile.RetryIf(r.client.Patch(ctx, s.vm, patch))
}
