// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/rules"
)

// NamespaceController is the user name of the namespace controller.
const NamespaceController = rules.NamespaceControllerName

// Sweep does one round of the namespace controller. It deletes the objects in namespaces that are
// being deleted, unless an admission rule refuses that, and removes empty namespaces. It returns
// the objects that it has changed.
func (a *API) Sweep() []client.Object {
	var touched []client.Object
	for _, ns := range a.terminating() {
		rest := a.content(ns.Name)
		for _, obj := range rest {
			if obj.GetDeletionTimestamp() == nil && a.remove(NamespaceController, obj, nil) == nil {
				touched = append(touched, obj)
			}
		}
		if len(rest) == 0 {
			i := id{"Namespace", client.ObjectKey{Name: ns.Name}}
			next := ns.DeepCopy()
			next.Spec.Finalizers = nil
			if _, err := a.replace(i, a.resource(ns), ns, next); err == nil {
				touched = append(touched, next)
			}
		}
	}
	return touched
}

func (a *API) terminating() []*corev1.Namespace {
	var found []*corev1.Namespace
	for i := range a.objects {
		if ns, ok := a.current(i).(*corev1.Namespace); ok && ns.DeletionTimestamp != nil {
			found = append(found, ns)
		}
	}
	slices.SortFunc(found, func(x, y *corev1.Namespace) int { return strings.Compare(x.Name, y.Name) })
	return found
}

// content returns the objects in a namespace.
func (a *API) content(namespace string) []client.Object {
	var found []client.Object
	for i := range a.objects {
		if obj := a.current(i); obj != nil && obj.GetNamespace() == namespace {
			found = append(found, obj)
		}
	}
	slices.SortFunc(found, func(x, y client.Object) int {
		return strings.Compare(a.kindOf(x).Kind+"/"+x.GetName(), a.kindOf(y).Kind+"/"+y.GetName())
	})
	return found
}
