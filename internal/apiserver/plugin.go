// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericadmission "k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/warning"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"rancherdesktop.io/rdd/internal/rules"
)

// plugin is an admission plugin that calls the rules inside the request: mutating ones when the
// request is admitted, the others when the final object is validated. It calls them for dry-run
// requests too, because rules have no side effects.
type plugin struct {
	*genericadmission.Handler
	rules []rules.Rule
}

var (
	_ genericadmission.MutationInterface   = &plugin{}
	_ genericadmission.ValidationInterface = &plugin{}
)

func newPlugin(rules []rules.Rule) *plugin {
	handler := genericadmission.NewHandler(genericadmission.Create, genericadmission.Update, genericadmission.Delete)
	return &plugin{Handler: handler, rules: rules}
}

// Admit implements genericadmission.MutationInterface.
func (p *plugin) Admit(ctx context.Context, a genericadmission.Attributes, o genericadmission.ObjectInterfaces) error {
	return p.run(ctx, a, o, true)
}

// Validate implements genericadmission.ValidationInterface.
func (p *plugin) Validate(ctx context.Context, a genericadmission.Attributes, o genericadmission.ObjectInterfaces) error {
	return p.run(ctx, a, o, false)
}

func (p *plugin) run(ctx context.Context, a genericadmission.Attributes, o genericadmission.ObjectInterfaces, mutating bool) error {
	for _, rule := range p.rules {
		if rule.Mutating != mutating || !applies(rule, a) {
			continue
		}
		if err := callRule(ctx, rule, a, o); err != nil {
			return err
		}
	}
	return nil
}

func applies(rule rules.Rule, a genericadmission.Attributes) bool {
	if !rule.Applies(a.GetResource().GroupResource(), a.GetSubresource(), admissionv1.Operation(a.GetOperation())) {
		return false
	}
	return rule.Match == nil || rule.Match(metaOf(a.GetObject()), metaOf(a.GetOldObject()))
}

// metaOf returns a nil interface for a nil object. Rules distinguish create and delete by that.
func metaOf(object runtime.Object) metav1.Object {
	if object == nil {
		return nil
	}
	accessor, ok := object.(metav1.Object)
	if !ok {
		return nil
	}
	return accessor
}

// callRule calls one rule, passes on its warnings, and applies its patch. It returns the refusal of
// a request that is not allowed.
func callRule(ctx context.Context, rule rules.Rule, a genericadmission.Attributes, o genericadmission.ObjectInterfaces) error {
	request, err := newRequest(a, o)
	if err != nil {
		return apierrors.NewInternalError(fmt.Errorf("rule %s: %w", rule.Name, err))
	}
	response := rule.Handler.Handle(webhook.NewContextWithRequest(ctx, request), request)
	if err := response.Complete(request); err != nil {
		return apierrors.NewInternalError(fmt.Errorf("rule %s: %w", rule.Name, err))
	}
	for _, text := range response.Warnings {
		warning.AddWarning(ctx, "", text)
	}
	if !response.Allowed {
		return refusal(rule, response.Result)
	}
	if len(response.Patch) == 0 {
		return nil
	}
	if err := patch(a, o, request.Object.Raw, response.Patch); err != nil {
		return apierrors.NewInternalError(fmt.Errorf("applying the defaults of rule %s: %w", rule.Name, err))
	}
	return nil
}

// refusal returns the error for a denied request: 403 Forbidden with the rule's own message. A rule
// that has failed has a code of 500 or above; the error has that code and the rule's name.
func refusal(rule rules.Rule, result *metav1.Status) error {
	status := metav1.Status{
		Status: metav1.StatusFailure, Code: result.Code, Reason: result.Reason, Message: result.Message, Details: result.Details,
	}
	if status.Message == "" {
		status.Message = string(result.Reason)
	}
	if status.Code == 0 || status.Code == http.StatusOK {
		status.Code = http.StatusForbidden
	}
	switch {
	case status.Code == http.StatusForbidden:
		status.Reason = metav1.StatusReasonForbidden
	case status.Code >= http.StatusInternalServerError:
		status.Reason = metav1.StatusReasonInternalError
		status.Message = fmt.Sprintf("rule %s failed: %s", rule.Name, status.Message)
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// newRequest returns the request as a webhook would get it. Objects are JSON, in the API version of
// the request.
func newRequest(a genericadmission.Attributes, o genericadmission.ObjectInterfaces) (webhook.Request, error) {
	object, err := external(a.GetObject(), a.GetKind(), o)
	if err != nil {
		return webhook.Request{}, err
	}
	old, err := external(a.GetOldObject(), a.GetKind(), o)
	if err != nil {
		return webhook.Request{}, err
	}
	options, err := encodeOptions(a.GetOperationOptions())
	if err != nil {
		return webhook.Request{}, err
	}
	kind, resource := metav1.GroupVersionKind(a.GetKind()), metav1.GroupVersionResource(a.GetResource())
	return webhook.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID:         requestUID(),
		Kind:        kind,
		Resource:    resource,
		SubResource: a.GetSubresource(),
		RequestKind: &kind, RequestResource: &resource, RequestSubResource: a.GetSubresource(),
		Name: nameOf(a), Namespace: a.GetNamespace(),
		Operation: admissionv1.Operation(a.GetOperation()),
		UserInfo:  userInfo(a.GetUserInfo()),
		Object:    object, OldObject: old,
		DryRun: new(a.IsDryRun()), Options: options,
	}}, nil
}

// external encodes an object in the version of kind. Built-in objects arrive in the internal
// version, custom ones as unstructured data.
func external(object runtime.Object, kind schema.GroupVersionKind, o genericadmission.ObjectInterfaces) (runtime.RawExtension, error) {
	if object == nil {
		return runtime.RawExtension{}, nil
	}
	versioned, err := o.GetObjectConvertor().ConvertToVersion(object, kind.GroupVersion())
	if err != nil {
		return runtime.RawExtension{}, fmt.Errorf("converting to %s: %w", kind, err)
	}
	// The conversion leaves the kind of typed objects empty, which decoders need.
	if versioned.GetObjectKind().GroupVersionKind().Empty() {
		versioned.GetObjectKind().SetGroupVersionKind(kind)
	}
	raw, err := json.Marshal(versioned)
	return runtime.RawExtension{Raw: raw}, err
}

// patch applies a JSON patch to the object of the request, in place.
func patch(a genericadmission.Attributes, o genericadmission.ObjectInterfaces, original, operations []byte) error {
	decoded, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		return err
	}
	patched, err := decoded.Apply(original)
	if err != nil {
		return err
	}
	target := a.GetObject()
	if target == nil {
		return errors.New("a DELETE has no object to change")
	}
	if custom, ok := target.(runtime.Unstructured); ok {
		var content map[string]any
		if err := unmarshal(patched, &content); err != nil {
			return err
		}
		custom.SetUnstructuredContent(content)
		return nil
	}
	versioned, err := o.GetObjectCreater().New(a.GetKind())
	if err != nil {
		return err
	}
	if err := json.Unmarshal(patched, versioned); err != nil {
		return err
	}
	o.GetObjectDefaulter().Default(versioned)
	return o.GetObjectConvertor().Convert(versioned, target, nil)
}
