// SPDX-License-Identifier: Apache-2.0

// Package rules is the agreement between the controllers, which write
// validators and defaulters, and whatever calls them: the in-process plugin of
// the embedded API server, or a webhook server when the controllers run against
// another one.
package rules

import (
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Rule binds a handler to the requests it judges. A handler has no side effects, so dry-run
// requests take the same path.
type Rule struct {
	// Name appears in errors and logs: "app-validator".
	Name string
	// Resource judged, e.g. {Group: "lima.rancherdesktop.io", Resource: "limavms"}.
	Resource schema.GroupResource
	// Operations judged. Subresources are never judged.
	Operations []admissionv1.Operation
	// Mutating handlers run first and answer with JSON patches.
	Mutating bool
	// Match, when set, is a cheap test that spares uninteresting objects the
	// handler; old is nil on create, obj is nil on delete.
	Match func(obj, old metav1.Object) bool
	// Handler is what admission.WithValidator or admission.WithDefaulter builds.
	Handler admission.Handler
}

// Applies reports whether the rule judges a request for resource and operation.
func (r Rule) Applies(resource schema.GroupResource, operation admissionv1.Operation) bool {
	return r.Resource == resource && slices.Contains(r.Operations, operation)
}
