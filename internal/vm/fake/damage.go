// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
)

var _ vm.Salvager = &Engine{}

// Lose takes an instance directory away, as an unmounted volume does. Its machine ends.
func (w *World) Lose(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	if i == nil {
		return fmt.Errorf("losing %q: %w", name, vm.ErrNotFound)
	}
	i.machine, i.work = nil, nil
	w.lost[name] = i
	delete(w.instances, name)
	w.changed(name)
	return nil
}

// Return brings back what Lose has taken away.
func (w *World) Return(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost[name] == nil || w.instances[name] != nil {
		return fmt.Errorf("bringing %q back: %w", name, vm.ErrNotFound)
	}
	w.instances[name] = w.lost[name]
	delete(w.lost, name)
	w.changed(name)
	return nil
}

// Damage makes the owner of an instance unreadable.
func (w *World) Damage(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[name]
	if i == nil {
		return fmt.Errorf("damaging %q: %w", name, vm.ErrNotFound)
	}
	i.damaged = true
	w.changed(name)
	return nil
}

// Aside lists the names of the instances that were set aside, in that order.
func (w *World) Aside() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.aside)
}

// SetAside implements vm.Salvager.
func (e *Engine) SetAside(ctx context.Context, owner vm.Owner, name string) error {
	return e.world.call(ctx, "SetAside", name, func() error {
		i := e.world.instances[name]
		switch {
		case i == nil:
			return nil
		case !i.damaged:
			return &vm.NameTakenError{Name: name, Owner: i.spec.Owner}
		}
		e.delete(i)
		return nil
	})
}

// damage is the error of calls for an instance whose owner cannot be read.
func damage(name string) *vm.DamagedError {
	return &vm.DamagedError{Name: name, Path: "/fake/" + name, Err: errors.New("its record is damaged")}
}
