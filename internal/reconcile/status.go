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

// StatusWriter writes one's own part of an object's status by server-side apply.
type StatusWriter struct {
	Client client.Client
	// Owner is the field owner.
	Owner string
}

// Apply makes one's own part of obj's status what want says, forced, and removes what is
// omitted; have is that part as it was read. Both are pointers to structs of the same
// type. Nothing is written when they are the same.
//
// The write carries the resourceVersion that was read: a status computed from an older
// object fails with a conflict instead of taking a newer one back. An object that is
// gone needs no status: that is no error.
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
