// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// lostDisk returns what is wrong with the disk of a complete instance; nil when nothing is. It
// reads the header only.
func (i instance) lostDisk() *vm.Fault {
	path := i.dir.Disk()
	err := checkDisk(path)
	if err == nil {
		return nil
	}
	hint := fmt.Sprintf(
		"bring the disk back to %s; to have the machine made anew with an empty disk instead: rdd limavm reset %s", path, i.name,
	)
	return &vm.Fault{Kind: vm.FaultBroken, Hint: hint, Text: err.Error()}
}

// diskHeader is how many bytes of a disk are read to check it.
const diskHeader = 512

// checkDisk checks that there is a qcow2 disk which is not cut off.
func checkDisk(path string) (err error) {
	f, info, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the disk %s is gone", path)
	}
	if err != nil {
		return fmt.Errorf("the disk cannot be read: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, diskHeader))
	if err != nil {
		return fmt.Errorf("the disk cannot be read: %w", err)
	}
	header, ok := image.ParseQCOW2(data)
	switch {
	case info.Size() == 0:
		return fmt.Errorf("the disk %s is empty", path)
	case !ok:
		return fmt.Errorf("the disk %s is damaged: it does not begin as a qcow2 disk does", path)
	case info.Size() < header.Tables:
		return fmt.Errorf("the disk %s is damaged: it was cut off at %d bytes", path, info.Size())
	}
	return nil
}

// withDamage is the state of an instance of which something is lost. A machine that is up goes on,
// and can be stopped.
func withDamage(state vm.State, fault *vm.Fault) vm.State {
	if state.Phase == vm.PhaseStopped {
		state.Phase, state.Failure = vm.PhaseBroken, nil
	}
	if state.Failure == nil {
		state.Failure = &vm.Failure{Operation: vm.OperationStart, Fault: fault}
	}
	return state
}

// repair makes the record whole again, if one of its files is damaged. The instance is locked.
func (i instance) repair() error {
	repaired, err := i.dir.RepairRecord()
	if repaired != "" {
		i.engine.config.Log.Warn("a damaged file was set apart, and is written again", "instance", i.name, "file", repaired)
	}
	if err != nil {
		return fmt.Errorf("repairing the record of instance %s: %w", i.name, err)
	}
	return nil
}

// SetAside implements vm.Salvager.
func (e *Engine) SetAside(_ context.Context, owner vm.Owner, name string) error {
	i := e.instance(name)
	defer i.lock()()
	record, err := i.owned(owner)
	var damaged *vm.DamagedError
	switch {
	case errors.Is(err, vm.ErrNotFound):
		e.works.forget(name, vm.OperationDelete)
		return nil
	case err == nil:
		return &vm.NameTakenError{Name: name, Owner: record.Owner}
	case !errors.As(err, &damaged):
		return err
	}
	i.beginDelete(owner, record, func() error {
		path, err := e.home.SetAside(name)
		if err == nil {
			e.config.Log.Warn("a damaged instance directory was set aside", "instance", name, "directory", path)
		}
		return err
	})
	return nil
}
