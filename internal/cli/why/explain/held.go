// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// Held is an object that is being deleted and stays because of a finalizer that is not rdd's.
type Held struct {
	// Object is its kind and name: `ConfigMap "default/dev"`; empty for what a sentence names already.
	Object string
	// Resource is what kubectl calls it, with its namespace: "configmap/dev -n default".
	Resource string
	// Finalizer is the finalizer, Manager who has set it as the API has recorded that; empty when
	// that is not known.
	Finalizer, Manager string
}

// HeldBy returns what holds an object of a kind: an entry for each finalizer that is not rdd's. It
// returns none for an object that is not being deleted. resource is the kind as kubectl takes it.
func HeldBy(kind, resource string, obj metav1.Object) []Held {
	if obj.GetDeletionTimestamp() == nil {
		return nil
	}
	name := obj.GetName()
	resource += "/" + name
	if namespace := obj.GetNamespace(); namespace != "" {
		name, resource = namespace+"/"+name, resource+" -n "+namespace
	}
	var held []Held
	for _, finalizer := range obj.GetFinalizers() {
		if ownFinalizer(kind, finalizer) {
			continue
		}
		held = append(held, Held{
			Object: fmt.Sprintf("%s %q", kind, name), Resource: resource,
			Finalizer: finalizer, Manager: manager(obj.GetManagedFields(), finalizer),
		})
	}
	return held
}

// ownFinalizer reports whether rdd removes a finalizer from an object of a kind: its own, and those
// by which a deletion asks for its order.
func ownFinalizer(kind, finalizer string) bool {
	switch finalizer {
	case appv1.FinalizerOwnedByApp, limav1.FinalizerOwnedByLimaVM, metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents:
		return true
	case limav1.FinalizerCleanup:
		return kind == kindApp || kind == kindLimaVM
	default:
		return false
	}
}

// manager returns who has set a finalizer, by the record of who has set which field.
func manager(entries []metav1.ManagedFieldsEntry, finalizer string) string {
	for _, entry := range entries {
		var fields struct {
			Metadata struct {
				Finalizers map[string]any `json:"f:finalizers"`
			} `json:"f:metadata"`
		}
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, found := fields.Metadata.Finalizers[fmt.Sprintf("v:%q", finalizer)]; found {
			return entry.Manager
		}
	}
	return ""
}

// heldCause returns the cause of a deletion that waits for what is held; nil when nothing is.
// deletion is the subject of the sentence, which names the object whose finalizers are own. Only
// whoever set a finalizer knows when it may be removed.
func heldCause(deletion string, own, others []Held) *Cause {
	for n := range own {
		own[n].Object = "" // the sentence names it
	}
	held := slices.Concat(own, others)
	if len(held) == 0 {
		return nil
	}
	first, whoever := held[0], "whoever set it"
	if first.Manager != "" {
		whoever += fmt.Sprintf(" (by %s)", first.Manager)
	}
	c := &Cause{
		Code: CodeFinalizer, Blocked: true,
		Summary: fmt.Sprintf("%s waits for %s, which is not rdd's.", deletion, first.text()),
		Next:    "let " + whoever + " finish, or remove it: rdd ctl edit " + first.Resource,
	}
	for _, other := range held[1:] {
		c.Detail = append(c.Detail, "also "+other.text()+": rdd ctl edit "+other.Resource)
	}
	return c
}

// text names the finalizer and its object.
func (h Held) text() string {
	text := fmt.Sprintf("the finalizer %q", h.Finalizer)
	if h.Object != "" {
		text += " of " + h.Object
	}
	return text
}
