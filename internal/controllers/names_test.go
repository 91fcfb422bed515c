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
