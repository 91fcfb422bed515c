// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const (
	// FinalizerCleanup is a resource's own: its controller cleans up before it disappears.
	FinalizerCleanup = "rdd.rancherdesktop.io/cleanup"
	// OwnedByPrefix and a Kind are the finalizer that an owner of that kind puts on a child.
	OwnedByPrefix = "rdd.rancherdesktop.io/owned-by-"
)

// OwnerReference is the controller owner reference to owner.
func OwnerReference(owner client.Object, kind schema.GroupVersionKind) metav1.OwnerReference {
	return *metav1.NewControllerRef(owner, kind)
}

// OwnedBy reports whether owner controls obj: by UID, never by name.
func OwnedBy(obj, owner metav1.Object) bool { return metav1.IsControlledBy(obj, owner) }

// AddFinalizer puts a finalizer on obj unless it is there. The write fails with a conflict when obj
// has changed since it was read.
func AddFinalizer(ctx context.Context, c client.Client, obj client.Object, finalizer string) error {
	return changeFinalizers(ctx, c, obj, finalizer, controllerutil.AddFinalizer)
}

// RemoveFinalizer takes a finalizer off obj unless it is gone.
func RemoveFinalizer(ctx context.Context, c client.Client, obj client.Object, finalizer string) error {
	return changeFinalizers(ctx, c, obj, finalizer, controllerutil.RemoveFinalizer)
}

func changeFinalizers(
	ctx context.Context, c client.Client, obj client.Object, finalizer string, change func(client.Object, string) bool,
) error {
	before := obj.DeepCopyObject().(client.Object)
	if !change(obj, finalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, obj, patch); err != nil {
		return fmt.Errorf("changing finalizer %s: %w", finalizer, err)
	}
	return nil
}
