// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"slices"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestEveryKindIsMet: a kind that no engine is asked for is one that nobody has tested.
func TestEveryKindIsMet(t *testing.T) {
	met := []vm.FaultKind{vm.FaultNameTaken, vm.FaultBroken, vm.FaultProcessEnded} // in refusals and life
	for _, p := range provoked() {
		met = append(met, p.Kind)
	}
	for _, kind := range vm.FaultKinds() {
		if !slices.Contains(met, kind) {
			t.Errorf("the suite does not ask for %s", kind)
		}
	}
}
