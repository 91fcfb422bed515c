// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
)

// RunInGuest implements vm.GuestRunner.
func (e *Engine) RunInGuest(ctx context.Context, name string, command vm.Command) (int, error) {
	i := e.instance(name)
	err := i.existing()
	if errors.Is(err, vm.ErrNotFound) {
		return 0, &vm.UnreachableError{Reason: vm.ErrNotFound, Err: err}
	}
	if err != nil {
		return 0, err
	}
	if observed, err := i.observe(); err == nil && observed.phase() == vm.PhaseRunning && observed.run.Pause != nil {
		// It would hang, as QEMU itself accepts the connection.
		return 0, &vm.UnreachableError{Reason: vm.ErrNotRunning, Err: fmt.Errorf("instance %s: %w", name, observed.run.Pause.Fault())}
	}
	return shell.Run(ctx, i.dir, command)
}
