// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/vm"
)

// Explain returns an error that says why a guest cannot be reached and what to do, by what the API
// says of the LimaVM.
func Explain(ctx context.Context, s *session.Session, o Options, cause *vm.UnreachableError) error {
	name, start := o.Name, o.Start
	if cause.Reason == nil {
		return fmt.Errorf("reaching LimaVM %q: %w", name, cause)
	}
	exists, err := s.InstanceExists()
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("LimaVM %q does not exist; to make and start it: %s", name, resource.MakingVM(name))
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	machine, err := resource.FindVM(ctx, c, name)
	if err != nil {
		return err
	}
	state := explain.VMState(machine, nil)
	if machine.Spec.Running {
		return fmt.Errorf("LimaVM %q cannot be reached yet (%s); to wait for it: %s; to see what is in the way: rdd why %s",
			name, state.Text(time.Now()), start, name)
	}
	return fmt.Errorf("LimaVM %q is not running (%s); to start it: %s", name, state.State, start)
}
