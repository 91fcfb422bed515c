// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"testing"
)

// TestNames checks the names that scripts and saved arguments hold. None may be removed or changed.
func TestNames(t *testing.T) {
	for _, name := range []string{"app", "limavm", "engine", "hostinfo", "integration"} {
		if !slices.Contains(Names(), name) {
			t.Errorf("there is no controller %s", name)
		}
	}
	if names := Names(); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("a name is there twice: %q", names)
	}
}

// TestGroups: all groups together are all controllers, and no controller is in two.
func TestGroups(t *testing.T) {
	var grouped []string
	for _, names := range Groups() {
		grouped = append(grouped, names...)
	}
	if got, want := slices.Sorted(slices.Values(grouped)), slices.Sorted(slices.Values(Names())); !slices.Equal(got, want) {
		t.Errorf("the groups have %q, want %q", got, want)
	}
	for _, group := range []string{"app", "rdd", "lima", "containers"} {
		if len(Groups()[group]) == 0 {
			t.Errorf("there is no group %s", group)
		}
	}
}
