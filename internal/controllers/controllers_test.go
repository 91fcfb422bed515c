// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"

	"rancherdesktop.io/rdd/internal/rules"
)

func TestEveryControllerIsComplete(t *testing.T) {
	all := New(Deps{})
	names := map[string]bool{}
	without := []string{"engine", "hostinfo", "integration"} // judge no requests
	for _, c := range all {
		if c.Name == "" || c.setup == nil || len(c.Rules) == 0 != slices.Contains(without, c.Name) || names[c.Name] {
			t.Errorf("controller %q is not complete", c.Name)
		}
		names[c.Name] = true
	}
	for _, name := range []string{"app", "limavm", "engine", "hostinfo", "integration"} {
		if !names[name] {
			t.Errorf("there is no controller %s", name)
		}
	}
}

// TestDeletionsAreGuarded names each resource whose deletion some rule must judge.
func TestDeletionsAreGuarded(t *testing.T) {
	all := Rules(New(Deps{}))
	for _, resource := range []string{"apps", "limavms", "configmaps", "namespaces", "customresourcedefinitions"} {
		judged := func(r rules.Rule) bool {
			return r.Resource.Resource == resource && r.Applies(r.Resource, admissionv1.Delete)
		}
		found := false
		for _, r := range all {
			found = found || judged(r)
		}
		if !found {
			t.Errorf("nobody judges the deletion of %s", resource)
		}
	}
}

func TestShorten(t *testing.T) {
	for text, want := range map[string]string{
		"short":                   "short",
		strings.Repeat("x", 1024): strings.Repeat("x", 1024),
		strings.Repeat("x", 1025): strings.Repeat("x", 1021) + "…",
		strings.Repeat("世", 400):  strings.Repeat("世", 340) + "…",
	} {
		if got := shorten(text, maxNote); got != want || len(got) > maxNote || !utf8.ValidString(got) {
			t.Errorf("%d bytes became %d: %q", len(text), len(got), got[max(0, len(got)-8):])
		}
	}
}
