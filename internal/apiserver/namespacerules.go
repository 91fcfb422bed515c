// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

// namespaceRules returns the admission rules for subresources of namespaces. Only the namespace
// controller empties a namespace and says how far it is.
func namespaceRules() []rules.Rule {
	resource := schema.GroupResource{Resource: "namespaces"}
	return []rules.Rule{
		rules.Exclusive{
			Resource: resource, Subresource: "status", Writers: []string{rules.NamespaceControllerName},
			Instead: "rdd writes there how far its deletion is",
		}.Rule(),
		{
			Name: "finalize-guard", Resource: resource, Subresource: "finalize",
			Operations: []admissionv1.Operation{admissionv1.Create, admissionv1.Update},
			Handler:    webhook.HandlerFunc(judgeFinalize),
		},
	}
}

// judgeFinalize refuses to take a namespace's own finalizer away, after which the namespace is
// removed and the objects in it stay. Finalizers of others may be removed.
func judgeFinalize(_ context.Context, request webhook.Request) webhook.Response {
	if request.UserInfo.Username == rules.NamespaceControllerName {
		return webhook.Allowed("")
	}
	var old, namespace corev1.Namespace
	for raw, into := range map[*[]byte]*corev1.Namespace{&request.OldObject.Raw: &old, &request.Object.Raw: &namespace} {
		if err := json.Unmarshal(*raw, into); err != nil {
			return webhook.Errored(http.StatusBadRequest, fmt.Errorf("reading the namespace: %w", err))
		}
	}
	emptied := func(n corev1.Namespace) bool { return !slices.Contains(n.Spec.Finalizers, corev1.FinalizerKubernetes) }
	if emptied(old) || !emptied(namespace) {
		return webhook.Allowed("")
	}
	return webhook.Denied(fmt.Sprintf("cannot finalize namespace %q: the objects in it are deleted first; "+
		"its status names those that are left", old.Name))
}
