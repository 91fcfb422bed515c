// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"slices"
	"testing"
)

// TestNames: scripts and saved arguments hold these names, so none may go or change.
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
