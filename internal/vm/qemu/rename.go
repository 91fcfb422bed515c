// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Rename implements vm.Renamer. The two names are locked one after the other, never both: they may
// share a lock.
func (e *Engine) Rename(_ context.Context, r vm.Renaming) error {
	renamed := e.instance(r.NewName)
	if err := renamed.validateName(r.NewOwner); err != nil {
		return err
	}
	if r.Name == r.NewName {
		return &vm.InvalidSpecError{Field: "name", Reason: fmt.Sprintf("must be another than %q", r.Name)}
	}
	done, err := renamed.isRenamed(r)
	if err != nil {
		return err
	}
	if !done {
		if err := e.instance(r.Name).rename(r); err != nil {
			return err
		}
	}
	return renamed.finishRename(r)
}

// isRenamed reports whether the instance has its new name already. *vm.NameTakenError,
// *vm.DamagedError: another directory has it.
func (i instance) isRenamed(r vm.Renaming) (bool, error) {
	record, err := i.owned(r.NewOwner)
	switch {
	case errors.Is(err, vm.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case !record.WasRenamed(i.dir, r.Owner.UID):
		return false, &vm.NameTakenError{Name: i.name, Owner: record.Owner}
	}
	return true, nil
}

// rename renames the directory of an instance that still has its former name. Nobody can start the
// machine or work on it meanwhile, in whichever process.
func (i instance) rename(r vm.Renaming) (err error) {
	defer i.lock()()
	for _, name := range []string{r.Name, r.NewName} {
		i.engine.renaming.Store(name, true)
		defer i.engine.renaming.Delete(name)
	}
	record, err := i.owned(r.Owner)
	if err != nil {
		return err
	}
	if err := i.idle(record); err != nil {
		return err
	}
	if fault := i.lostDisk(); fault != nil {
		return fault
	}
	work, err := vmdir.TryLock(i.dir.WorkLock())
	if errors.Is(err, flock.ErrLocked) {
		return i.busy("being worked on by another rdd")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, work.Unlock()) }()
	err = i.busy("not stopped")
	if lockErr := i.withHostagentLock(func(_ *flock.Lock, observed observation) error {
		if !observed.qemu {
			err = i.renameStopped(r, record)
		}
		return nil
	}); lockErr != nil {
		return lockErr
	}
	return err
}

// isBeingRenamed reports whether it is this engine that holds the hostagent's lock, for a moment:
// no machine is up.
func (i instance) isBeingRenamed() bool {
	_, renaming := i.engine.renaming.Load(i.name)
	return renaming
}

// renameStopped renames the directory. Every lock is held, and nothing runs.
func (i instance) renameStopped(r vm.Renaming, record vmdir.Record) error {
	if err := i.removeSockets(record); err != nil {
		return fmt.Errorf("renaming instance %s: %w", i.name, err)
	}
	err := i.engine.home.Rename(i.name, record, r.NewName, r.NewOwner)
	if errors.Is(err, fs.ErrExist) {
		return &vm.NameTakenError{Name: r.NewName}
	}
	if err != nil {
		return err
	}
	i.engine.works.forget(i.name, vm.OperationCreate, vm.OperationDelete, vm.OperationStart, vm.OperationStop, vm.OperationRun)
	i.engine.bases.set(i.name, nil)
	i.engine.works.changed(i.name)
	return nil
}

// finishRename brings up to date what has the former name, or the former owner, in it. The record
// comes last: until it is written, every call of Rename does this again. What a start writes anyway
// is removed.
func (i instance) finishRename(r vm.Renaming) error {
	defer i.lock()()
	if i.dir.OwnerRecorded() {
		return nil
	}
	for _, path := range []string{i.dir.SSHConfig(), i.dir.OwnSSHConfig(), i.dir.VNCDisplay(), i.dir.VNCPassword()} {
		if err := atomicfile.Remove(path); err != nil {
			return fmt.Errorf("renaming instance %s: %w", r.Name, err)
		}
	}
	from := i.engine.instance(r.Name)
	if err := i.engine.config.Images.Move(string(from.dir), string(i.dir)); err != nil {
		return fmt.Errorf("renaming instance %s: %w", r.Name, err)
	}
	record, err := i.dir.ReadRecord()
	if err != nil {
		return err
	}
	if err := i.dir.WriteRecord(record); err != nil {
		return err
	}
	i.engine.works.changed(i.name)
	return nil
}
