// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

// domain is the domain of rdd's API groups, labels and annotations.
const domain = "rancherdesktop.io"

// MetadataGuard returns the admission rule that protects the metadata of a resource's objects that
// another object of rdd owns. An object is owned by the kind of its finalizer owned-by-<Kind>, and
// by a controller in its owner references that is of rdd's API groups. Who may change what:
//
//	                                   owner's     own         others
//	                                   controller  controller
//	labels and annotations of rdd      yes         yes         requests only
//	owner references                   yes         yes         no
//	adding finalizers                  yes         yes         no
//	everything else in the metadata    yes         yes         yes
//
// FinalizerGuard judges who may remove rdd's finalizers. requests are the annotations by which
// anybody asks an object's controller for something.
func MetadataGuard(resource schema.GroupResource, requests ...string) rules.Rule {
	return rules.Rule{
		Name: "metadata-guard", Resource: resource, Operations: []admissionv1.Operation{admissionv1.Update},
		Match: func(_, old metav1.Object) bool {
			_, owned := ownerOfAny(old)
			return owned
		},
		Handler: admission.WithValidator[*unstructured.Unstructured](runtime.NewScheme(), metadataGuard{requests: requests}),
	}
}

// owner is the object of rdd that owns another.
type owner struct{ kind, name string }

// String returns the owner as messages have it.
func (o owner) String() string {
	if o.name == "" {
		return "the " + o.kind + " that its finalizer names"
	}
	return fmt.Sprintf("%s %q", o.kind, o.name)
}

// ownerOfAny returns the owner of an object; false when rdd does not own it.
func ownerOfAny(obj metav1.Object) (owner, bool) {
	if obj == nil {
		return owner{}, false
	}
	if kind, name, owned := Owned(obj); owned {
		return owner{kind, name}, true
	}
	ref := metav1.GetControllerOf(obj)
	if ref == nil || !ours(ref.APIVersion) {
		return owner{}, false
	}
	return owner{ref.Kind, ref.Name}, true
}

// ours reports whether the part of a name before its slash is of rdd's domain. Names of labels and
// annotations, and API versions, have that form.
func ours(name string) bool {
	prefix, _, has := strings.Cut(name, "/")
	return has && (prefix == domain || strings.HasSuffix(prefix, "."+domain))
}

type metadataGuard struct{ requests []string }

func (metadataGuard) ValidateCreate(context.Context, *unstructured.Unstructured) (admission.Warnings, error) {
	return nil, nil
}

func (metadataGuard) ValidateDelete(context.Context, *unstructured.Unstructured) (admission.Warnings, error) {
	return nil, nil
}

// ValidateUpdate refuses what MetadataGuard says.
func (g metadataGuard) ValidateUpdate(ctx context.Context, old, obj *unstructured.Unstructured) (admission.Warnings, error) {
	req, err := admission.RequestFromContext(ctx)
	if err != nil {
		return nil, err
	}
	by, _ := ownerOfAny(old)
	if slices.Contains([]string{rules.ControllerName(by.kind), rules.ControllerName(req.Kind.Kind)}, req.UserInfo.Username) {
		return nil, nil
	}
	subject := fmt.Sprintf("%s %q", req.Kind.Kind, obj.GetName())
	for _, finalizer := range obj.GetFinalizers() {
		if !slices.Contains(old.GetFinalizers(), finalizer) {
			return nil, fmt.Errorf("cannot add finalizer %q to %s: it is owned by %s, which could not delete it any more",
				finalizer, subject, by)
		}
	}
	if !equality.Semantic.DeepEqual(old.GetOwnerReferences(), obj.GetOwnerReferences()) {
		return nil, fmt.Errorf("cannot change the owner references of %s: it is owned by %s; delete the %s resource instead",
			subject, by, by.kind)
	}
	for what, fields := range map[string][2]map[string]string{
		"label": {old.GetLabels(), obj.GetLabels()}, "annotation": {old.GetAnnotations(), obj.GetAnnotations()},
	} {
		if verb, name := g.changed(fields[0], fields[1]); name != "" {
			return nil, fmt.Errorf("cannot %s %s %q %s %s: the resource is owned by %s, and rdd works by it",
				verb, what, name, map[string]string{"add": "to", "remove": "from"}[verb], subject, by)
		}
	}
	return nil, nil
}

// changed returns a label or annotation of rdd's that differs, and whether it was added or removed;
// another value counts as removed.
func (g metadataGuard) changed(before, after map[string]string) (verb, name string) {
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !ours(name) || slices.Contains(g.requests, name) || had == has && was == is:
		case had:
			return "remove", name
		default:
			return "add", name
		}
	}
	return "", ""
}

// ClaimGuard returns the admission rule that lets nobody but the controllers of kinds put their
// finalizers owned-by-<Kind> on objects of a resource. Such an object could not be deleted.
func ClaimGuard(resource schema.GroupResource, kinds ...string) rules.Rule {
	return rules.Rule{
		Name: "claim-guard", Resource: resource, Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update},
		Match:   func(obj, _ metav1.Object) bool { return obj != nil && len(ownerKinds(obj)) > 0 },
		Handler: admission.WithValidator[*unstructured.Unstructured](runtime.NewScheme(), claimGuard{kinds: kinds}),
	}
}

type claimGuard struct{ kinds []string }

func (g claimGuard) ValidateCreate(ctx context.Context, obj *unstructured.Unstructured) (admission.Warnings, error) {
	return nil, g.check(ctx, nil, obj)
}

func (g claimGuard) ValidateUpdate(ctx context.Context, old, obj *unstructured.Unstructured) (admission.Warnings, error) {
	return nil, g.check(ctx, ownerKinds(old), obj)
}

func (claimGuard) ValidateDelete(context.Context, *unstructured.Unstructured) (admission.Warnings, error) {
	return nil, nil
}

// check refuses the finalizers of an object that are not among those it had.
func (g claimGuard) check(ctx context.Context, had []string, obj *unstructured.Unstructured) error {
	req, err := admission.RequestFromContext(ctx)
	if err != nil {
		return err
	}
	for _, kind := range ownerKinds(obj) {
		if slices.Contains(g.kinds, kind) && !slices.Contains(had, kind) && req.UserInfo.Username != rules.ControllerName(kind) {
			return fmt.Errorf("cannot add finalizer %q to %s %q: only the controller of the %s puts it on what that owns; leave it out",
				OwnedByPrefix+kind, req.Kind.Kind, obj.GetName(), kind)
		}
	}
	return nil
}
