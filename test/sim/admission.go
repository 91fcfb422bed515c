// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"encoding/json"
	"net/http"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

const (
	operationCreate = admissionv1.Create
	operationUpdate = admissionv1.Update
	operationDelete = admissionv1.Delete
)

// admit calls the admission rules for a request, and returns the object with their defaults.
func (a *API) admit(user string, operation admissionv1.Operation, obj, old client.Object) (client.Object, error) {
	subject := obj
	if subject == nil {
		subject = old
	}
	resource := a.resource(subject)
	for _, mutating := range []bool{true, false} {
		for _, rule := range a.rules {
			if rule.Mutating != mutating || !rule.Applies(resource, "", operation) || rule.Match != nil && !rule.Match(metaOf(obj), metaOf(old)) {
				continue
			}
			next, err := a.callRule(rule, user, operation, obj, old)
			if err != nil {
				return nil, err
			}
			obj = next
		}
	}
	return obj, nil
}

// metaOf returns a nil interface for a nil object.
func metaOf(obj client.Object) metav1.Object {
	if obj == nil {
		return nil
	}
	return obj
}

func (a *API) callRule(rule rules.Rule, user string, operation admissionv1.Operation, obj, old client.Object) (client.Object, error) {
	request, err := a.request(user, operation, obj, old)
	if err != nil {
		return nil, err
	}
	response := rule.Handler.Handle(webhook.NewContextWithRequest(context.Background(), request), request)
	if err := response.Complete(request); err != nil {
		return nil, err
	}
	if !response.Allowed {
		return nil, refusal(response.Result)
	}
	if len(response.Patch) == 0 {
		return obj, nil
	}
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		return nil, err
	}
	patched, err := patch.Apply(request.Object.Raw)
	if err != nil {
		return nil, err
	}
	return recode(patched, obj)
}

// refusal returns the error for a denied request, as the real admission plugin does.
func refusal(result *metav1.Status) error {
	status := *result
	status.Status = metav1.StatusFailure
	if status.Code == 0 || status.Code == http.StatusOK {
		status.Code = http.StatusForbidden
	}
	if status.Code == http.StatusForbidden {
		status.Reason = metav1.StatusReasonForbidden
	}
	return &apierrors.StatusError{ErrStatus: status}
}

func (a *API) request(user string, operation admissionv1.Operation, obj, old client.Object) (webhook.Request, error) {
	subject := obj
	if subject == nil {
		subject = old
	}
	kind, resource := a.kindOf(subject), a.resource(subject)
	request := admissionv1.AdmissionRequest{
		UID: "sim", Operation: operation, Name: subject.GetName(), Namespace: subject.GetNamespace(),
		Kind:     metav1.GroupVersionKind(kind),
		Resource: metav1.GroupVersionResource{Group: resource.Group, Version: kind.Version, Resource: resource.Resource},
		UserInfo: authenticationv1.UserInfo{Username: user}, DryRun: new(bool),
	}
	var err error
	if request.Object, err = a.encode(obj); err != nil {
		return webhook.Request{}, err
	}
	request.OldObject, err = a.encode(old)
	return webhook.Request{AdmissionRequest: request}, err
}

// encode returns an object as JSON, with its kind.
func (a *API) encode(obj client.Object) (runtime.RawExtension, error) {
	if obj == nil {
		return runtime.RawExtension{}, nil
	}
	typed := obj.DeepCopyObject().(client.Object)
	typed.GetObjectKind().SetGroupVersionKind(a.kindOf(obj))
	raw, err := json.Marshal(typed)
	return runtime.RawExtension{Raw: raw}, err
}
