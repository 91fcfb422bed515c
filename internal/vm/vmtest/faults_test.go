// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"slices"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestEveryKindIsCovered: a kind that no engine is asked for is one that nobody has tested.
func TestEveryKindIsCovered(t *testing.T) {
	covered := []vm.FaultKind{vm.FaultNameTaken, vm.FaultBroken, vm.FaultProcessEnded} // in refusals and life
	for _, p := range provoked() {
		covered = append(covered, p.Kind)
	}
	for _, kind := range vm.FaultKinds() {
		if !slices.Contains(covered, kind) {
			t.Errorf("the suite does not ask for %s", kind)
		}
	}
}
