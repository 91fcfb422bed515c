// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Child is an object that an owner brings to its end.
type Child struct {
	// Object has the child's type, namespace and name; it is read into.
	Object client.Object
	// Kind is for messages.
	Kind string
	// Mine says, once the child was read, whether it is the owner's to delete.
	Mine func(child client.Object) bool
	// Finalizer is the owner's claim on the child, released before the deletion.
	Finalizer string
}

// Delete releases and deletes the child. Done means that reads which succeeded have said
// that it is gone, or that it is someone else's; then it was left alone.
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
		return Wait(fmt.Sprintf("waiting for %s to be gone", k), 0)
	}
	return Done()
}

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

func (k Child) String() string {
	return fmt.Sprintf("%s %q", k.Kind, client.ObjectKeyFromObject(k.Object))
}

// Find reads obj, whose namespace and name are set, and reports whether it exists. That
// something is not there is believed only when it is said twice: on the word of a
// single NotFound nothing may be left behind or declared lost.
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
