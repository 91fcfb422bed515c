// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"

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
	return shell.Run(ctx, i.dir, command)
}
