// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/google/uuid"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Adopt implements vm.Adopter: it starts a hostagent for a QEMU without one, and gives a machine
// that is stopped the files of its image that it lacks.
func (e *Engine) Adopt(_ context.Context, name string) (begun bool, err error) {
	i := e.instance(name)
	if err := i.existing(); err != nil {
		return false, err
	}
	record, err := i.dir.ReadRecord()
	if errors.Is(err, fs.ErrNotExist) {
		return false, i.notFound()
	}
	if err != nil {
		return false, nil //nolint:nilerr // foreign or damaged: Observe reports it
	}
	if err := i.repairIfNeeded(); err != nil {
		return false, err
	}
	if !i.orphaned() {
		return false, i.keepOwn()
	}
	// Locked only now: a call for a machine that is served must not wait for other calls.
	defer i.lock()()
	if err := i.idle(record); err != nil {
		return false, err
	}
	// Observed again, holding the lock: the machine may have ended, or been adopted.
	err = i.withHostagentLock(func(lock *flock.Lock, observed observation) error {
		if !observed.qemu {
			return nil
		}
		e.config.Log.Info("adopting a virtual machine without hostagent", "instance", name)
		begun = true
		return i.spawnAdopting(lock, record, observed.run, "")
	})
	return begun, err
}

// spawnAdopting starts a hostagent for a QEMU that has none, and which stops it when mode is not
// empty. What the hostagent needs and is damaged is rebuilt before.
func (i instance) spawnAdopting(lock *flock.Lock, record vmdir.Record, run vmdir.Run, mode vm.StopMode) error {
	start, err := i.dir.ReadStart()
	rebuild := err != nil
	if rebuild {
		if start, err = i.dir.RebuildStart(record, run, i.engine.config.User); err != nil {
			return fmt.Errorf("adopting instance %s: %w", i.name, err)
		}
		if start.ID == "" {
			start.ID, start.Revision = uuid.NewString(), record.Spec.Revision
		}
		if err := errors.Join(vmdir.SetApart(i.dir.StartFile()), i.dir.WriteStart(start)); err != nil {
			return err
		}
		i.engine.config.Log.Warn("what the machine was started with was lost, and is rebuilt", "instance", i.name)
	}
	if run.StartID == "" {
		if run, err = i.rebuildRun(record, start); err != nil {
			return fmt.Errorf("adopting instance %s: %w", i.name, err)
		}
		rebuild = true
	}
	if mode != "" {
		run.StopMode, run.Phase = mode, vm.PhaseStopping
	}
	if rebuild || mode != "" {
		if err := i.dir.WriteRun(lock, run); err != nil {
			return err
		}
	}
	return i.spawn(lock, true)
}

// rebuildRun returns what run.json must have had, from the command line of the QEMU that runs.
func (i instance) rebuildRun(record vmdir.Record, start vmdir.Start) (vmdir.Run, error) {
	run := vmdir.Run{StartID: start.ID, Revision: start.Revision, Phase: vm.PhaseStarting}
	run.Progress = vm.Progress{Step: "adopting", Percent: -1, Since: time.Now()}
	id, err := i.dir.FindQEMU(record, run)
	if err != nil {
		return run, err
	}
	args, err := process.CommandLine(id.PID)
	run.QEMU = &id
	machine.Launched(args, &run)
	return run, err
}

// orphaned reports whether QEMU is alive and its hostagent is not.
func (i instance) orphaned() bool {
	observed, err := i.read()
	if err != nil && !errors.Is(err, errRunDamaged) {
		return false // Observe reports it
	}
	return observed.qemu && !observed.hostagent && observed.run.End == nil
}

// repairIfNeeded makes the record whole again. It locks the instance only when that is needed.
func (i instance) repairIfNeeded() error {
	if i.dir.RecordWhole() {
		return nil
	}
	defer i.lock()()
	if i.work().isDelete() {
		return nil
	}
	if err := i.repair(); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // deleted since
}
