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
		// Until the last file is gone, though the directory has lost its name.
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
	seen, err := i.observe()
	if err != nil {
		return broken(state, err), nil
	}
	seen.describe(&state)
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

// broken reports an instance that cannot be read. Since when is not known.
func broken(state vm.State, err error) vm.State {
	state.Phase, state.Failure = vm.PhaseBroken, &vm.Failure{Fault: &vm.Fault{Kind: vm.FaultBroken, Text: err.Error()}}
	return state
}

func (i instance) describeIncomplete(state vm.State, work work) vm.State {
	state.Phase, state.Failure = vm.PhaseIncomplete, work.failure
	elsewhere, err := flock.Held(i.dir.WorkLock())
	switch {
	case work.running:
		state.Phase, state.Progress = vm.PhaseCreating, work.progress
	case err == nil && elsewhere:
		state.Phase, state.Progress = vm.PhaseCreating, vm.Progress{Step: "being created by another rdd", Percent: -1}
	}
	return state
}

// revision of the spec on disk; empty when lima.yaml is not what was recorded: an update was
// interrupted, or somebody edited the file, and the next Apply writes it again.
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

// observation is what the locks and run.json say of a complete instance.
type observation struct {
	run             vmdir.Run
	hostagent, qemu bool // alive
}

// observe reads the locks before run.json: what a process wrote before it let go of its lock is
// then seen.
func (i instance) observe() (observation, error) {
	var seen observation
	var errs [3]error
	seen.hostagent, errs[0] = flock.Held(i.dir.HostagentLock())
	seen.qemu, errs[1] = flock.Held(i.dir.QEMULock())
	seen.run, errs[2] = i.dir.ReadRun()
	return seen, errors.Join(errs[:]...)
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

// failure says how the machine ended, if it did not end as it was asked to.
func (o observation) failure() *vm.Failure {
	end := o.run.End
	switch {
	case o.run.StartID == "":
		return nil
	case end == nil && o.run.StopMode != "":
		return nil // it was stopping, and it has stopped
	case end == nil:
		return o.unwitnessed()
	case end.Fault == nil:
		return nil
	}
	return &vm.Failure{Operation: end.Operation, Fault: end.Fault, At: end.At}
}

// unwitnessed describes the end of a machine that nobody was left to write down.
func (o observation) unwitnessed() *vm.Failure {
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
