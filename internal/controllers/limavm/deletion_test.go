// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
)

// TestOnlyAGuestThatWasUpIsWaitedFor: another has nothing to save.
func TestOnlyAGuestThatWasUpIsWaitedFor(t *testing.T) {
	wasUp := func(s *vm.State) { s.WasRunning = true }
	for name, test := range map[string]struct {
		state *vm.State
		waits bool
	}{
		"no instance":                        {nil, false},
		"stopped":                            {off("", ""), false},
		"starting":                           {on(vm.PhaseStarting), false},
		"shutting down":                      {with(on(vm.PhaseStopping), wasUp), true},
		"being stopped before it was up":     {on(vm.PhaseStopping), false},
		"the last attempt to stop it failed": {with(off(vm.OperationStop, "boom"), wasUp), false},
	} {
		s := scene{deleting: true, state: test.state}.scope()
		if o := (&Reconciler{}).endMachine(context.Background(), s); o.IsDone() == test.waits {
			t.Errorf("%s: %+v", name, o)
		}
	}
}
