// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// runningSpec is the change of the spec that starts or stops the VM.
func runningSpec(running bool) map[string]any { return map[string]any{"running": running} }

// PatchApp merges a change into the spec of the App and returns the changed App; nil when there is
// no App.
func PatchApp(
	ctx context.Context, c ctrlclient.Writer, change map[string]any, options ...ctrlclient.PatchOption,
) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(map[string]any{"spec": change})
	if err != nil {
		return nil, fmt.Errorf("changing the App: %w", err)
	}
	app := bareApp()
	err = c.Patch(ctx, app, ctrlclient.RawPatch(types.MergePatchType, data), append(options, session.FieldOwner)...)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("changing the App: %w", err)
	}
	return app, nil
}

// CreateApp creates the App with that spec, or merges the spec into one that was created meanwhile.
//
// It uses server-side apply: a create would be held up while the CRD is new. The field owner is
// unique to the call, so that of two concurrent creations neither removes what the other has set.
func CreateApp(
	ctx context.Context, c ctrlclient.Writer, spec map[string]any, options ...ctrlclient.ApplyOption,
) (*unstructured.Unstructured, error) {
	app := bareApp()
	app.Object["spec"] = spec
	owner := session.FieldOwner + ctrlclient.FieldOwner("-"+RequestValue())
	options = append(options, owner, ctrlclient.ForceOwnership)
	if err := c.Apply(ctx, ctrlclient.ApplyConfigurationFromUnstructured(app), options...); err != nil {
		return nil, fmt.Errorf("creating the App: %w", err)
	}
	return app, nil
}

// AppChange is a change of the App's spec.
type AppChange struct {
	// Patch is the merge patch for an App that exists, Spec the spec of a new one.
	Patch, Spec map[string]any
	// Command is the rdd command that makes the change, for a hint.
	Command string
}

// ApplyApp makes a change and returns the changed App. It creates the App where there is none.
// While the App is being deleted it waits for the deletion and then creates a new one.
func ApplyApp(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, change AppChange) (*unstructured.Unstructured, error) {
	for {
		raw, err := PatchApp(ctx, c, change.Patch)
		if err != nil {
			return nil, err
		}
		if raw == nil {
			if raw, err = CreateApp(ctx, c, change.Spec); err != nil {
				return nil, err
			}
		}
		if raw.GetDeletionTimestamp() == nil {
			return raw, nil
		}
		app, err := TypedApp(raw)
		if err != nil {
			return nil, err
		}
		if err := WaitAppDeleted(ctx, s, c, app, "The deletion goes on; afterwards: "+change.Command+"."); err != nil {
			return nil, err
		}
	}
}

// StartApp sets spec.running to true, and creates the App where there is none. It does not wait for
// the VM.
func StartApp(ctx context.Context, s *session.Session, c ctrlclient.WithWatch) (*appv1.App, error) {
	raw, err := ApplyApp(ctx, s, c, AppChange{Patch: runningSpec(true), Spec: runningSpec(true), Command: "rdd start"})
	if err != nil {
		return nil, err
	}
	return TypedApp(raw)
}
