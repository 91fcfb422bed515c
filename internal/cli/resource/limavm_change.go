// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// RequestValue returns a new value for a request annotation. Controllers compare it with the last
// one that they have handled.
func RequestValue() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// VMPatch is a change of a LimaVM. Fields with their zero value change nothing.
type VMPatch struct {
	// Running is the new spec.running.
	Running *bool
	// Annotation is the key of an annotation to set, Value its value; an empty one removes it.
	Annotation, Value string
	// Params are parameters to set; a nil value removes one.
	Params map[string]*string
}

// merge returns the JSON merge patch.
func (p VMPatch) merge() ([]byte, error) {
	spec, patch := map[string]any{}, map[string]any{}
	if p.Running != nil {
		spec["running"] = *p.Running
	}
	if p.Params != nil {
		spec["params"] = p.Params
	}
	if len(spec) > 0 {
		patch["spec"] = spec
	}
	if p.Annotation != "" {
		var value any // null removes it
		if p.Value != "" {
			value = p.Value
		}
		patch["metadata"] = map[string]any{"annotations": map[string]any{p.Annotation: value}}
	}
	return json.Marshal(patch)
}

// PatchVM changes a LimaVM in the API, and updates machine to the result.
func PatchVM(ctx context.Context, c ctrlclient.Writer, machine *limav1.LimaVM, change VMPatch) error {
	data, err := change.merge()
	if err != nil {
		return fmt.Errorf("changing LimaVM %q: %w", machine.Name, err)
	}
	if err := c.Patch(ctx, machine, ctrlclient.RawPatch(types.MergePatchType, data), session.FieldOwner); err != nil {
		return fmt.Errorf("changing LimaVM %q: %w", machine.Name, err)
	}
	return nil
}
