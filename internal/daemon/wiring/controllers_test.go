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

// TestEveryControllerIsBuilt: the list of names and what is built are the same, in the same order.
func TestEveryControllerIsBuilt(t *testing.T) {
	built := NewControllers(t.Context(), Values{Integration: &hostconfig.Host{}}, nil)
	without := []string{"engine", "hostinfo", "integration"} // judge no requests
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

// TestDeletionsAreGuarded names each resource whose deletion some rule must judge.
func TestDeletionsAreGuarded(t *testing.T) {
	all := NewControllers(t.Context(), Values{}, nil).Rules()
	for _, resource := range []string{"apps", "limavms", "configmaps", "namespaces", "customresourcedefinitions"} {
		judged := func(r rules.Rule) bool {
			return r.Resource.Resource == resource && r.Applies(r.Resource, admissionv1.Delete)
		}
		if !slices.ContainsFunc(all, judged) {
			t.Errorf("nobody judges the deletion of %s", resource)
		}
	}
}
