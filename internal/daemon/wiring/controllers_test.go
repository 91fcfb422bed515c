// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"rancherdesktop.io/rdd/internal/controllers"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/rules"
)

// TestEveryControllerIsBuilt checks that the controllers that are built are those of the list of
// names, in the same order.
func TestEveryControllerIsBuilt(t *testing.T) {
	built := NewControllers(t.Context(), Values{Integration: &hostconfig.Host{}}, nil)
	without := []string{"engine", "integration"} // have no admission rules
	var names []string
	for _, c := range built.all {
		if c.build == nil || len(c.rules) == 0 != slices.Contains(without, c.name) {
			t.Errorf("controller %q is not complete", c.name)
		}
		names = append(names, c.name)
	}
	if !slices.Equal(names, controllers.Names()) {
		t.Errorf("built are %q, the list says %q", names, controllers.Names())
	}
}

// TestDeletionsAreGuarded names each resource for whose deletion there must be an admission rule.
func TestDeletionsAreGuarded(t *testing.T) {
	all := NewControllers(t.Context(), Values{}, nil).Rules()
	for _, resource := range []string{"apps", "limavms", "configmaps", "namespaces", "customresourcedefinitions"} {
		guards := func(r rules.Rule) bool {
			return r.Resource.Resource == resource && r.Applies(r.Resource, "", admissionv1.Delete)
		}
		if !slices.ContainsFunc(all, guards) {
			t.Errorf("nobody judges the deletion of %s", resource)
		}
	}
}
