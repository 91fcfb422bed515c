// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
)

// Rename implements vm.Renamer.
func (e *Engine) Rename(ctx context.Context, r vm.Renaming) error {
	return e.world.call(ctx, "Rename", r.Name, func() error {
		if err := checkName(r.NewName, r.NewOwner); err != nil {
			return err
		}
		if r.Name == r.NewName {
			return &vm.InvalidSpecError{Field: "name", Reason: fmt.Sprintf("must be another than %q", r.Name)}
		}
		if there := e.world.instances[r.NewName]; there != nil {
			return there.isRenamed(r)
		}
		return e.world.rename(r)
	})
}

// isRenamed returns nil if the instance has got its present name by a renaming.
func (i *instance) isRenamed(r vm.Renaming) error {
	if err := i.ownedBy(r.NewOwner, r.NewName); err != nil {
		return err
	}
	if i.former != r.Owner.UID {
		return &vm.NameTakenError{Name: r.NewName, Owner: i.spec.Owner}
	}
	return nil
}

func (w *World) rename(r vm.Renaming) error {
	i, err := w.owned(r.Owner, r.Name)
	if err != nil {
		return err
	}
	if i.phase() != vm.PhaseStopped {
		return fmt.Errorf("instance %s is not stopped: %w", r.Name, vm.ErrBusy)
	}
	i.spec.Name, i.spec.Owner, i.former = r.NewName, r.NewOwner, r.Owner.UID
	i.failure = nil
	w.instances[r.NewName] = i
	delete(w.instances, r.Name)
	if file, ok := w.missing[r.Name]; ok {
		w.missing[r.NewName] = file
		delete(w.missing, r.Name)
	}
	w.changed(r.NewName)
	return nil
}
