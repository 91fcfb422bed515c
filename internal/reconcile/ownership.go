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
	// FinalizerCleanup is the finalizer of an object's own controller, which has to clean up before
	// the object is removed.
	FinalizerCleanup = "rdd.rancherdesktop.io/cleanup"
	// OwnedByPrefix with a kind is the finalizer that an owner of that kind puts on a child.
	OwnedByPrefix = "rdd.rancherdesktop.io/owned-by-"
)

// OwnerReference returns a controller owner reference to owner.
func OwnerReference(owner client.Object, kind schema.GroupVersionKind) metav1.OwnerReference {
	return *metav1.NewControllerRef(owner, kind)
}

// OwnedBy reports whether owner is the controller of obj. It compares UIDs, not names.
func OwnedBy(obj, owner metav1.Object) bool { return metav1.IsControlledBy(obj, owner) }

// AddFinalizer adds a finalizer to obj, in memory and in the API, unless it is there. It fails with
// a conflict when obj has changed since it was read.
func AddFinalizer(ctx context.Context, c client.Client, obj client.Object, finalizer string) error {
	return changeFinalizers(ctx, c, obj, finalizer, controllerutil.AddFinalizer)
}

// RemoveFinalizer removes a finalizer from obj, in memory and in the API, if it is there. It fails
// with a conflict when obj has changed since it was read.
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
