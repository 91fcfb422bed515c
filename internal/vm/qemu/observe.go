// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Observe implements vm.Engine. It reads files and locks only, so a process that hangs cannot make
// it hang.
func (e *Engine) Observe(_ context.Context, name string) (vm.State, error) {
	i := e.instance(name)
	work := i.work()
	record, err := i.dir.ReadRecord()
	var damaged *vm.DamagedError
	isDamaged := errors.As(err, &damaged)
	if work.isDelete() && (err == nil || isDamaged || errors.Is(err, fs.ErrNotExist)) {
		// Reported until the last file is removed, although the directory has been renamed.
		return vm.State{Name: name, Owner: work.owner, Phase: vm.PhaseDeleting, Progress: work.progress, Damaged: isDamaged}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return vm.State{}, i.notFound()
	}
	if err != nil {
		return broken(vm.State{Name: name, Damaged: isDamaged, Failure: work.failure}, vm.FaultOf(vm.WithKind(vm.FaultBroken, err))), nil
	}
	state := i.state(record, work)
	if err := i.existing(); errors.Is(err, vm.ErrNotFound) {
		return vm.State{}, err // renamed meanwhile: what was read after that is not the instance's
	}
	return state, nil
}

// state of an instance whose record can be read.
func (i instance) state(record vmdir.Record, work work) vm.State {
	state := vm.State{Name: i.name, Owner: record.Owner, Incarnation: record.Incarnation}
	if !i.dir.Complete(record) || (work.running && work.operation == vm.OperationCreate) {
		return i.describeIncomplete(state, work)
	}
	state.Revision = i.revision(record)
	renaming := i.isBeingRenamed()
	observed, err := i.observe()
	if err != nil {
		return broken(state, vm.FaultOf(vm.WithKind(vm.FaultBroken, err)))
	}
	if renaming || i.isBeingRenamed() {
		observed.hostagent = false
	}
	observed.describe(&state)
	if err := i.checkBase(record); err != nil {
		// Whether it runs or not: the next start fails. It has no time, as that is not known.
		state.Failure = &vm.Failure{Operation: vm.OperationStart, Fault: vm.FaultOf(err)}
	}
	if work.failure != nil {
		state.Failure = work.failure
	}
	if fault := i.lostDisk(); fault != nil {
		return withDamage(state, fault)
	}
	return state
}

// List implements vm.Engine.
func (e *Engine) List(ctx context.Context) ([]vm.State, error) {
	names, err := e.home.Instances()
	if err != nil {
		return nil, err
	}
	var states []vm.State
	for _, name := range names {
		state, err := e.Observe(ctx, name)
		if errors.Is(err, vm.ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		states = append(states, state)
	}
	return states, nil
}

// broken is the state of an instance that cannot be read or used. The failure has no time, as it is
// not known. That of a deletion stays: it is what is tried.
func broken(state vm.State, fault *vm.Fault) vm.State {
	state.Phase = vm.PhaseBroken
	if state.Failure == nil || state.Failure.Operation != vm.OperationDelete {
		state.Failure = &vm.Failure{Fault: fault}
	}
	return state
}

// describeIncomplete completes the state of an instance that is being created, or whose creation
// was interrupted or failed.
func (i instance) describeIncomplete(state vm.State, work work) vm.State {
	state.Phase, state.Failure = vm.PhaseIncomplete, work.failure
	heldByOther, err := vmdir.Held(i.dir.WorkLock())
	switch {
	case work.running:
		state.Phase, state.Progress = vm.PhaseCreating, work.progress
	case err == nil && heldByOther:
		state.Phase, state.Progress = vm.PhaseCreating, vm.Progress{Step: "being created by another rdd", Percent: -1}
	}
	return state
}

// revision of the spec on disk. It is empty when the template is not the recorded one: an update
// was interrupted, somebody edited lima.yaml, or it cannot be read. The next Apply writes it again
// then.
func (i instance) revision(record vmdir.Record) string {
	template, err := i.dir.ReadTemplate()
	if err != nil || vmdir.Hash(template) != record.Spec.TemplateHash {
		return ""
	}
	return record.Spec.Revision
}

// observation is what the locks and run.json of a complete instance say at one time.
type observation struct {
	run             vmdir.Run
	hostagent, qemu bool // alive
}

// observe reads the locks before run.json. So when a lock is free, everything is observed that its
// last holder has written. A damaged run.json is an error while it matters: while something runs.
func (i instance) observe() (observation, error) {
	observed, err := i.read()
	if err == nil || errors.Is(err, errRunDamaged) && !observed.hostagent && !observed.qemu {
		return observed, nil
	}
	return observed, err
}

// errRunDamaged says that run.json cannot be read.
var errRunDamaged = errors.New("what the machine does is not known until its hostagent has written that again")

// read is observe with errRunDamaged for a machine that is down, too. The observation is valid
// then.
func (i instance) read() (observation, error) {
	var observed observation
	var errs [4]error
	observed.hostagent, errs[0] = vmdir.Held(i.dir.HostagentLock())
	observed.qemu, errs[1] = vmdir.Held(i.dir.QEMULock())
	run, runErr := i.dir.ReadRun()
	if runErr != nil {
		run, runErr = vmdir.Run{}, fmt.Errorf("%w (%w)", runErr, errRunDamaged)
	}
	observed.run = run
	// Asked again with what is recorded: a lock's file may have been removed.
	if run.End == nil && !observed.hostagent {
		observed.hostagent, errs[2] = i.dir.HostagentAlive(run)
	}
	if run.End == nil && !observed.qemu {
		observed.qemu, errs[3] = i.dir.QEMUAlive(run)
	}
	return observed, errors.Join(append(errs[:], runErr)...)
}

// phase of a complete instance.
func (o observation) phase() vm.Phase {
	switch {
	case !o.hostagent && !o.qemu:
		return vm.PhaseStopped
	case o.run.End != nil:
		// The hostagent is about to end; Start would still find it there.
		return vm.PhaseStopping
	case o.run.Phase == "":
		return vm.PhaseStarting
	}
	return o.run.Phase
}

// describe completes the state of an instance by what was observed.
func (o observation) describe(state *vm.State) {
	state.Phase = o.phase()
	if state.Phase == vm.PhaseStopped {
		state.Failure = o.failure()
		return
	}
	state.Progress, state.Pause = o.run.Progress, o.run.Pause
	state.StartID, state.RunningRevision, state.WasRunning = o.run.StartID, o.run.Revision, o.run.WasRunning
	state.BootID, state.SSHPort, state.Accelerator = o.run.BootID, o.run.SSHPort, o.run.Accelerator
	if state.Phase == vm.PhaseRunning {
		state.Message, state.Forwards, state.FailedUnits = o.run.Message, o.run.Forwards, o.run.FailedUnits
	}
}

// failure returns why the machine ended; nil if it was asked to, or was never started.
func (o observation) failure() *vm.Failure {
	end := o.run.End
	switch {
	case o.run.StartID == "":
		return nil
	case end == nil && o.run.StopMode != "":
		return nil // it was stopping, and it has stopped
	case end == nil:
		return o.unrecordedEnd()
	case end.Fault == nil:
		return nil
	}
	return &vm.Failure{Operation: end.Operation, Fault: end.Fault, At: end.At}
}

// unrecordedEnd is the failure of a machine that ended together with its hostagent, so that nobody
// has recorded its end.
func (o observation) unrecordedEnd() *vm.Failure {
	operation := vm.OperationStart
	if o.run.WasRunning {
		operation = vm.OperationRun
	}
	fault := &vm.Fault{
		Kind: vm.FaultProcessEnded,
		Text: "the virtual machine and its hostagent ended unexpectedly (killed, or this host was restarted)",
	}
	return &vm.Failure{Operation: operation, Fault: fault, At: o.run.Progress.Since}
}
