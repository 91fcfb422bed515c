// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// Exclusive is a subresource that only some callers write.
type Exclusive struct {
	Resource    schema.GroupResource
	Subresource string
	// Writers are the user names of these callers.
	Writers []string
	// Match restricts it to some objects; nil means all.
	Match func(obj metav1.Object) bool
	// Instead says what others can do: the end of the refusal.
	Instead string
}

// Rule returns the admission rule that refuses the writes of others.
func (e Exclusive) Rule() Rule {
	r := Rule{
		Name: e.Subresource + "-guard", Resource: e.Resource, Subresource: e.Subresource,
		Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update, admissionv1.Delete},
		Handler:    admission.HandlerFunc(e.judge),
	}
	if e.Match != nil {
		r.Match = func(obj, old metav1.Object) bool { return obj != nil && e.Match(obj) || old != nil && e.Match(old) }
	}
	return r
}

func (e Exclusive) judge(_ context.Context, request admission.Request) admission.Response {
	if slices.Contains(e.Writers, request.UserInfo.Username) {
		return admission.Allowed("")
	}
	return admission.Denied(fmt.Sprintf("cannot write the %s of %s %q: %s", e.Subresource, request.Kind.Kind, request.Name, e.Instead))
}
