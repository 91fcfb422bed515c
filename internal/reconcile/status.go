// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// StatusWriter writes a controller's part of an object's status by server-side apply.
type StatusWriter struct {
	Client client.Client
	// Owner is the controller's field owner.
	Owner string
}

// Apply sets the controller's part of obj's status to want. Fields that want omits are removed.
// have is that part as it was read; nothing is written when both are equal. They are pointers to
// structs of the same type.
//
// The write carries the resourceVersion that was read. A status computed from an older object fails
// with a conflict, and does not replace a newer one. It is no error when obj does not exist any
// more.
func (w StatusWriter) Apply(ctx context.Context, obj client.Object, have, want any) error {
	if equality.Semantic.DeepEqual(have, want) {
		return nil
	}
	apply, err := w.configuration(obj, want)
	if err != nil {
		return fmt.Errorf("making the status: %w", err)
	}
	err = w.Client.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(apply), client.FieldOwner(w.Owner), client.ForceOwnership)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	return nil
}

func (w StatusWriter) configuration(obj client.Object, want any) (*unstructured.Unstructured, error) {
	kind, err := apiutil.GVKForObject(obj, w.Client.Scheme())
	if err != nil {
		return nil, err
	}
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return nil, err
	}
	apply := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	apply.SetGroupVersionKind(kind)
	apply.SetNamespace(obj.GetNamespace())
	apply.SetName(obj.GetName())
	apply.SetUID(obj.GetUID())
	apply.SetResourceVersion(obj.GetResourceVersion())
	return apply, nil
}
