// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"encoding/json"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

func object(t *testing.T, finalizers []string, owners ...metav1.OwnerReference) []byte {
	t.Helper()
	data, err := json.Marshal(&metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "example.com/v1", Kind: "Gadget"},
		ObjectMeta: metav1.ObjectMeta{Name: "g", Finalizers: finalizers, OwnerReferences: owners},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFinalizerGuard(t *testing.T) {
	owner := metav1.OwnerReference{APIVersion: "example.com/v1", Kind: "Widget", Name: "w", UID: "1"}
	owned := object(t, []string{OwnedByPrefix + "Widget", "other"}, owner)
	released := object(t, []string{"other"}, owner)
	own := object(t, []string{FinalizerCleanup})
	const sentence = `it is owned by Widget "w"; delete the Widget resource instead`
	for name, test := range map[string]struct {
		operation admissionv1.Operation
		user      string
		old, new  []byte
		refusal   string
	}{
		"delete owned":            {admissionv1.Delete, "u", owned, nil, `cannot delete Gadget "g": ` + sentence},
		"delete owned as owner":   {admissionv1.Delete, rules.ControllerName("Widget"), owned, nil, `cannot delete Gadget "g": ` + sentence},
		"delete released":         {admissionv1.Delete, "u", released, nil, ""},
		"delete with own cleanup": {admissionv1.Delete, "u", own, nil, ""},
		"release": {
			admissionv1.Update, "u", owned, released, `cannot remove finalizer "rdd.rancherdesktop.io/owned-by-Widget" from Gadget "g": ` + sentence,
		},
		"release as owner": {admissionv1.Update, rules.ControllerName("Widget"), owned, released, ""},
		"release as another": {
			admissionv1.Update, rules.ControllerName("Other"), owned, released,
			`cannot remove finalizer "rdd.rancherdesktop.io/owned-by-Widget" from Gadget "g": ` + sentence,
		},
		"lose the owner": {
			admissionv1.Update, "u", owned, object(t, []string{OwnedByPrefix + "Widget"}),
			`cannot remove the owner reference from Gadget "g": ` + sentence,
		},
		"lose a foreign finalizer": {admissionv1.Update, "u", owned, object(t, []string{OwnedByPrefix + "Widget"}, owner), ""},
		"strip cleanup": {
			admissionv1.Update, "u", own, object(t, nil),
			`cannot remove finalizer "rdd.rancherdesktop.io/cleanup" from Gadget "g": its controller has to clean up first; delete the Gadget ` +
				`resource instead`,
		},
		"strip cleanup as gadget": {admissionv1.Update, rules.ControllerName("Gadget"), own, object(t, nil), ""},
		"owner reference missing": {admissionv1.Delete, "u", object(t, []string{OwnedByPrefix + "Widget"}), nil,
			`cannot delete Gadget "g": it is owned by the Widget that its finalizer names; delete the Widget resource instead`},
	} {
		t.Run(name, func(t *testing.T) {
			rule := FinalizerGuard(schema.GroupResource{Group: "example.com", Resource: "gadgets"})
			request := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Operation: test.operation, Kind: metav1.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Gadget"},
				UserInfo:  authenticationv1.UserInfo{Username: test.user},
				OldObject: runtime.RawExtension{Raw: test.old}, Object: runtime.RawExtension{Raw: test.new},
			}}
			response := rule.Handler.Handle(admission.NewContextWithRequest(t.Context(), request), request)
			got := ""
			if !response.Allowed {
				got = response.Result.Message
			}
			if got != test.refusal {
				t.Errorf("got %q, want %q", got, test.refusal)
			}
		})
	}
}
