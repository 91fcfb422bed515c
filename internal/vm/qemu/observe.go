// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Observe implements vm.Engine. It reads files and locks only, so a process that hangs cannot make
// it hang.
func (e *Engine) Observe(_ context.Context, name string) (vm.State, error) {
	i := e.instance(name)
	work := i.work()
	record, err := i.dir.ReadRecord()
	if work.isDelete() && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		// Reported until the last file is removed, although the directory has been renamed.
		return vm.State{Name: name, Owner: work.owner, Phase: vm.PhaseDeleting, Progress: work.progress}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return vm.State{}, i.notFound()
	}
	if err != nil {
		return broken(vm.State{Name: name}, err), nil
	}
	state := vm.State{Name: name, Owner: record.Owner, Incarnation: record.Incarnation}
	if !i.dir.Complete() || (work.running && work.operation == vm.OperationCreate) {
		return i.describeIncomplete(state, work), nil
	}
	if state.Revision, err = i.revision(record); err != nil {
		return broken(state, err), nil
	}
	observed, err := i.observe()
	if err != nil {
		return broken(state, err), nil
	}
	observed.describe(&state)
	if err := i.checkFiles(record); err != nil {
		// Whether it runs or not: the next start fails. It has no time, as that is not known.
		state.Failure = &vm.Failure{Operation: vm.OperationStart, Fault: vm.FaultOf(err)}
	}
	if work.failure != nil {
		state.Failure = work.failure
	}
	return state, nil
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

// broken is the state of an instance that cannot be read. The failure has no time, as it is not
// known.
func broken(state vm.State, err error) vm.State {
	state.Phase, state.Failure = vm.PhaseBroken, &vm.Failure{Fault: &vm.Fault{Kind: vm.FaultBroken, Text: err.Error()}}
	return state
}

// describeIncomplete completes the state of an instance that is being created, or whose creation
// was interrupted or failed.
func (i instance) describeIncomplete(state vm.State, work work) vm.State {
	state.Phase, state.Failure = vm.PhaseIncomplete, work.failure
	heldByOther, err := flock.Held(i.dir.WorkLock())
	switch {
	case work.running:
		state.Phase, state.Progress = vm.PhaseCreating, work.progress
	case err == nil && heldByOther:
		state.Phase, state.Progress = vm.PhaseCreating, vm.Progress{Step: "being created by another rdd", Percent: -1}
	}
	return state
}

// revision of the spec on disk. It is empty when the template is not the recorded one: an update
// was interrupted, or somebody edited lima.yaml. The next Apply writes it again then.
func (i instance) revision(record vmdir.Record) (string, error) {
	template, err := os.ReadFile(i.dir.Template())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the template: %w", err)
	}
	if vmdir.Hash(template) != record.Spec.TemplateHash {
		return "", nil
	}
	return record.Spec.Revision, nil
}

// observation is what the locks and run.json of a complete instance say at one time.
type observation struct {
	run             vmdir.Run
	hostagent, qemu bool // alive
}

// observe reads the locks before run.json. So when a lock is free, everything is observed that its
// last holder has written.
func (i instance) observe() (observation, error) {
	var observed observation
	var errs [3]error
	observed.hostagent, errs[0] = flock.Held(i.dir.HostagentLock())
	observed.qemu, errs[1] = flock.Held(i.dir.QEMULock())
	observed.run, errs[2] = i.dir.ReadRun()
	return observed, errors.Join(errs[:]...)
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
	state.Progress = o.run.Progress
	state.StartID, state.RunningRevision = o.run.StartID, o.run.Revision
	state.BootID, state.SSHPort, state.Accelerator = o.run.BootID, o.run.SSHPort, o.run.Accelerator
	if state.Phase == vm.PhaseRunning {
		state.Message, state.Forwards = o.run.Message, o.run.Forwards
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
