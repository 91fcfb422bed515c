// SPDX-License-Identifier: Apache-2.0

// Package rules defines admission rules: the interface between the controllers, which have
// validators and defaulters, and what calls these. That is the admission plugin of the embedded API
// server, in the same process.
//
// What the API server makes of rules is tested in test/integration.
package rules

import (
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Rule is an admission rule: a handler, and the requests that it is called for. A handler has no
// side effects, so it is called for dry-run requests too.
type Rule struct {
	// Name appears in errors and logs: "app-validator".
	Name string
	// Resource that the rule is about, e.g. {Group: "lima.rancherdesktop.io", Resource: "limavms"}.
	Resource schema.GroupResource
	// Subresource that the rule is about, e.g. "status". Empty means the objects themselves.
	Subresource string
	// Operations that the rule is about.
	Operations []admissionv1.Operation
	// Mutating handlers run before the others, and return JSON patches.
	Mutating bool
	// Match is a cheap test of the object. The handler is called only if it returns true; nil matches
	// every object. old is nil on create, obj is nil on delete.
	Match func(obj, old metav1.Object) bool
	// Handler is built by admission.WithValidator or admission.WithDefaulter.
	Handler admission.Handler
}

// Applies reports whether the rule is about requests for a resource, one of its subresources or "",
// and an operation.
func (r Rule) Applies(resource schema.GroupResource, subresource string, operation admissionv1.Operation) bool {
	return r.Resource == resource && r.Subresource == subresource && slices.Contains(r.Operations, operation)
}
