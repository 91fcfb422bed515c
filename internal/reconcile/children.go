// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Child is an object that is deleted together with its owner.
type Child struct {
	// Object has the child's type, namespace and name. The child is read into it.
	Object client.Object
	// Kind is the child's kind in messages.
	Kind string
	// Mine reports whether the child that was read belongs to the owner.
	Mine func(child client.Object) bool
	// Finalizer is the owner's finalizer on the child, which is removed before the deletion; empty
	// when there is none.
	Finalizer string
}

// Delete removes the owner's finalizer from the child and deletes it. Done means that successful
// reads have found no child, or a child that is not the owner's, which is left alone. Wait means
// that the child still exists.
func (k Child) Delete(ctx context.Context, c client.Client) Outcome {
	found, err := Find(ctx, c, k.Object)
	if err != nil {
		return Retry(fmt.Errorf("reading %s: %w", k, err))
	}
	if !found || !k.Mine(k.Object) {
		return Done()
	}
	if err := k.end(ctx, c); err != nil {
		return Retry(fmt.Errorf("deleting %s: %w", k, err))
	}
	if found, err = Find(ctx, c, k.Object); err != nil {
		return Retry(fmt.Errorf("reading %s: %w", k, err))
	}
	if found && k.Mine(k.Object) {
		return Wait(fmt.Sprintf("waiting for %s to be gone", k)+heldBy(k.Object), 0)
	}
	return Done()
}

// end deletes the child if it still has the UID that was read.
func (k Child) end(ctx context.Context, c client.Client) error {
	if k.Finalizer != "" {
		if err := RemoveFinalizer(ctx, c, k.Object, k.Finalizer); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	if !k.Object.GetDeletionTimestamp().IsZero() {
		return nil
	}
	uid := k.Object.GetUID()
	return client.IgnoreNotFound(c.Delete(ctx, k.Object, client.Preconditions{UID: &uid}))
}

// heldBy is the end of a sentence about an object that stays: which finalizer of others keeps it;
// empty when none does.
func heldBy(obj client.Object) string {
	for _, finalizer := range obj.GetFinalizers() {
		if ours(finalizer) || finalizer == metav1.FinalizerOrphanDependents || finalizer == metav1.FinalizerDeleteDependents {
			continue
		}
		return fmt.Sprintf(", which the finalizer %q keeps", finalizer)
	}
	return ""
}

func (k Child) String() string {
	return fmt.Sprintf("%s %q", k.Kind, client.ObjectKeyFromObject(k.Object))
}

// Find reads obj, whose namespace and name are set, and reports whether it exists. It reads twice
// before it reports that the object does not exist: a caller may then delete what belongs to the
// object, or report it as lost, and one wrong NotFound must not be enough for that.
func Find(ctx context.Context, c client.Reader, obj client.Object) (bool, error) {
	key := client.ObjectKeyFromObject(obj)
	for range 2 {
		err := c.Get(ctx, key, obj)
		if !apierrors.IsNotFound(err) {
			return err == nil, err
		}
	}
	return false, nil
}

// Immutable reports whether a ConfigMap's content cannot be changed any more.
func Immutable(cm *corev1.ConfigMap) bool { return cm.Immutable != nil && *cm.Immutable }
