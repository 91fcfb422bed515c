// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
)

// Guest runs a command as the guest of an instance does.
type Guest func(ctx context.Context, instance string, command vm.Command) (exitCode int, err error)

// idleGuest succeeds in whatever it is asked to run.
func idleGuest(context.Context, string, vm.Command) (int, error) { return 0, nil }

// RunInGuest implements vm.GuestRunner; see World.SetGuest.
func (e *Engine) RunInGuest(ctx context.Context, name string, command vm.Command) (int, error) {
	var guest Guest
	err := e.world.call(ctx, "RunInGuest", name, func() error {
		i := e.world.instances[name]
		switch {
		case i == nil:
			return unreachable(name, vm.ErrNotFound)
		case i.machine == nil || i.machine.bootID == "":
			return unreachable(name, vm.ErrNotRunning)
		}
		guest = e.world.guest
		return nil
	})
	if err != nil {
		return 0, err
	}
	return guest(ctx, name, command)
}

// unreachable is the error of RunInGuest for a guest that nobody can log in to.
func unreachable(name string, reason error) error {
	return &vm.UnreachableError{Reason: reason, Err: fmt.Errorf("instance %s: %w", name, reason)}
}

// Adopt implements vm.Adopter.
func (e *Engine) Adopt(ctx context.Context, name string) (begun bool, err error) {
	err = e.world.call(ctx, "Adopt", name, func() error {
		i := e.world.instances[name]
		switch {
		case i == nil:
			return vm.ErrNotFound
		case i.machine == nil || !i.machine.orphaned:
			return nil
		case i.work != nil:
			return vm.ErrBusy
		}
		i.machine.orphaned, begun = false, true
		e.world.changed(name)
		return nil
	})
	return begun, err
}

// Directory implements vm.DirectoryReader. There are no files behind its paths.
func (e *Engine) Directory(ctx context.Context, name string) (d vm.Directory, err error) {
	err = e.world.call(ctx, "Directory", name, func() error {
		d = e.world.directory(name)
		if e.world.instances[name] == nil {
			return vm.ErrNotFound
		}
		return nil
	})
	return d, err
}

// Directories implements vm.DirectoryReader.
func (e *Engine) Directories(ctx context.Context) (all []vm.Directory, err error) {
	err = e.world.call(ctx, "Directories", "", func() error {
		for _, name := range slices.Sorted(maps.Keys(e.world.instances)) {
			all = append(all, e.world.directory(name))
		}
		return nil
	})
	return all, err
}

// directory describes an instance directory, be there one or not.
func (w *World) directory(name string) vm.Directory {
	d := vm.Directory{Name: name, Path: "/fake/" + name, TemplateFile: "/fake/" + name + "/lima.yaml"}
	i := w.instances[name]
	if i == nil {
		return d
	}
	if d.Alive = i.machine != nil; i.damaged {
		d.Damage = damage(name)
		return d
	}
	d.Owner, d.Params = i.spec.Owner, maps.Clone(i.spec.Params)
	d.Foreign = i.spec.Owner.UID == ""
	return d
}
