// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

// FinalizerGuard returns the admission rule that protects a resource's owned objects. Only the
// controllers concerned may remove rdd's finalizers from them, or remove the owner reference.
// Nobody may delete them before the owner has removed its finalizer. The finalizer owned-by-<Kind>
// names the owner's kind. The clean-up finalizer belongs to the controller of the resource's own
// kind: on an object of a kind without one it is the user's own, see OwnerGuard.
func FinalizerGuard(resource schema.GroupResource) rules.Rule { return finalizerRule(resource, true) }

// OwnerGuard is FinalizerGuard for a resource that has no controller of rdd.
func OwnerGuard(resource schema.GroupResource) rules.Rule { return finalizerRule(resource, false) }

func finalizerRule(resource schema.GroupResource, cleanup bool) rules.Rule {
	return rules.Rule{
		Name:       "finalizer-guard",
		Resource:   resource,
		Operations: []admissionv1.Operation{admissionv1.Update, admissionv1.Delete},
		Match: func(_, old metav1.Object) bool {
			return old != nil && slices.ContainsFunc(old.GetFinalizers(), func(finalizer string) bool {
				return cleanup && finalizer == FinalizerCleanup || strings.HasPrefix(finalizer, OwnedByPrefix)
			})
		},
		Handler: admission.WithValidator[*unstructured.Unstructured](runtime.NewScheme(), finalizerGuard{cleanup: cleanup}),
	}
}

// finalizerGuard guards the finalizers of owners and, with cleanup, that of the own controller.
type finalizerGuard struct{ cleanup bool }

func (finalizerGuard) ValidateCreate(context.Context, *unstructured.Unstructured) (admission.Warnings, error) {
	return nil, nil
}

// ValidateDelete refuses to delete an object that has an owner's finalizer.
func (finalizerGuard) ValidateDelete(ctx context.Context, obj *unstructured.Unstructured) (admission.Warnings, error) {
	req, err := admission.RequestFromContext(ctx)
	if err != nil {
		return nil, err
	}
	if kinds := ownerKinds(obj); len(kinds) > 0 {
		return nil, fmt.Errorf("cannot delete %s %q: %s", req.Kind.Kind, obj.GetName(), ownedSentence(obj, kinds[0]))
	}
	return nil, nil
}

// ValidateUpdate refuses to remove finalizers and owner references, except for the controllers that
// have added them.
func (g finalizerGuard) ValidateUpdate(ctx context.Context, old, obj *unstructured.Unstructured) (admission.Warnings, error) {
	req, err := admission.RequestFromContext(ctx)
	if err != nil {
		return nil, err
	}
	subject := fmt.Sprintf("%s %q", req.Kind.Kind, obj.GetName())
	for _, kind := range ownerKinds(old) {
		if req.UserInfo.Username == rules.ControllerName(kind) {
			continue
		}
		if lost := lostClaim(old, obj, kind); lost != "" {
			return nil, fmt.Errorf("cannot remove %s from %s: %s", lost, subject, ownedSentence(old, kind))
		}
	}
	if g.cleanup && stripsCleanup(old, obj) && req.UserInfo.Username != rules.ControllerName(req.Kind.Kind) {
		return nil, fmt.Errorf("cannot remove finalizer %q from %s: its controller has to clean up first; delete the %s resource instead",
			FinalizerCleanup, subject, req.Kind.Kind)
	}
	return nil, nil
}

// lostClaim returns what an update removes of a kind's ownership: its finalizer or its owner
// reference; empty when it removes neither.
func lostClaim(old, obj metav1.Object, kind string) string {
	if finalizer := OwnedByPrefix + kind; !slices.Contains(obj.GetFinalizers(), finalizer) {
		return fmt.Sprintf("finalizer %q", finalizer)
	}
	ref := ownerOf(old, kind)
	if ref != nil && !slices.ContainsFunc(obj.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == ref.UID }) {
		return "the owner reference"
	}
	return ""
}

func stripsCleanup(old, obj metav1.Object) bool {
	return slices.Contains(old.GetFinalizers(), FinalizerCleanup) && !slices.Contains(obj.GetFinalizers(), FinalizerCleanup)
}

// ownerKinds returns the kinds whose finalizer owned-by-<Kind> is on obj.
func ownerKinds(obj metav1.Object) []string {
	var kinds []string
	for _, finalizer := range obj.GetFinalizers() {
		if kind, ok := strings.CutPrefix(finalizer, OwnedByPrefix); ok {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// ownedSentence returns the end of a refusal: who owns obj, and what to delete instead.
func ownedSentence(obj metav1.Object, kind string) string {
	by := owner{kind: kind}
	if ref := ownerOf(obj, kind); ref != nil {
		by.name = ref.Name
	}
	return fmt.Sprintf("it is owned by %s; delete the %s resource instead", by, kind)
}

func ownerOf(obj metav1.Object, kind string) *metav1.OwnerReference {
	for _, ref := range obj.GetOwnerReferences() {
		if ref.Kind == kind {
			return &ref
		}
	}
	return nil
}

// Owned returns kind and name of the owner whose finalizer owned-by-<Kind> is on obj, for example
// "App" and "app". name is empty when the owner reference is missing.
func Owned(obj metav1.Object) (kind, name string, owned bool) {
	kinds := ownerKinds(obj)
	if len(kinds) == 0 {
		return "", "", false
	}
	if ref := ownerOf(obj, kinds[0]); ref != nil {
		name = ref.Name
	}
	return kinds[0], name, true
}
