// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// instance is one instance of an engine, which need not exist on disk. It holds no state, so each
// call makes one.
type instance struct {
	engine *Engine
	name   string
	dir    vmdir.Dir
}

func (e *Engine) instance(name string) instance {
	return instance{engine: e, name: name, dir: vmdir.In(e.config.LimaHome, name)}
}

// lock serialises the engine's calls for the instance; it returns the function that unlocks.
func (i instance) lock() func() {
	i.engine.names.LockKey(i.name)
	return func() { _ = i.engine.names.UnlockKey(i.name) } // it never fails
}

// work is what the engine does, or did last, for the instance in the background.
func (i instance) work() work { return i.engine.works.get(i.name) }

// existing returns vm.ErrNotFound when there is no directory of that name, whoever made it. It also
// guards the abilities, whose names come from people, against paths.
func (i instance) existing() error {
	if i.name != filepath.Base(i.name) {
		return i.notFound() // a path to another directory
	}
	_, err := os.Stat(string(i.dir))
	if errors.Is(err, fs.ErrNotExist) {
		return i.notFound()
	}
	if err != nil {
		return fmt.Errorf("looking for instance %s: %w", i.name, err)
	}
	return nil
}

// owned reads the instance's record on behalf of its owner: vm.ErrNotFound, *vm.NameTakenError,
// *vm.DamagedError.
func (i instance) owned(owner vm.Owner) (vmdir.Record, error) {
	record, err := i.dir.ReadRecord()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return vmdir.Record{}, i.notFound()
	case errors.Is(err, vmdir.ErrForeign):
		return vmdir.Record{}, &vm.NameTakenError{Name: i.name}
	case err != nil:
		return vmdir.Record{}, err
	case owner.UID == "" || record.Owner.UID != owner.UID:
		return vmdir.Record{}, &vm.NameTakenError{Name: i.name, Owner: record.Owner}
	}
	return record, nil
}

// idle returns vm.ErrBusy while the instance is being created or deleted, here or by another
// process.
func (i instance) idle(record vmdir.Record) error {
	if work := i.work(); work.running {
		return i.busy("being worked on (" + string(work.operation) + ")")
	}
	heldByOther, err := vmdir.Held(i.dir.WorkLock())
	if err != nil {
		return err
	}
	if heldByOther {
		return i.busy("being worked on by another rdd")
	}
	if !i.dir.Complete(record) {
		return i.busy("not completely created")
	}
	return nil
}

func (i instance) notFound() error { return fmt.Errorf("instance %s: %w", i.name, vm.ErrNotFound) }

// busy returns vm.ErrBusy with what the instance is: "being deleted".
func (i instance) busy(what string) error {
	return fmt.Errorf("instance %s is %s: %w", i.name, what, vm.ErrBusy)
}
