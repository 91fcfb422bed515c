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

// Observe implements vm.Engine. It reads files and locks only, so a process that hangs cannot make it hang.
func (e *Engine) Observe(_ context.Context, name string) (vm.State, error) {
	dir, work := e.dir(name), e.works.get(name)
	record, err := dir.ReadRecord()
	if work.isDelete() && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		// Until the last file is gone, though the directory has lost its name.
		return vm.State{Name: name, Owner: work.owner, Phase: vm.PhaseDeleting, Progress: work.progress}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return vm.State{}, fmt.Errorf("instance %s: %w", name, vm.ErrNotFound)
	}
	if err != nil {
		return broken(vm.State{Name: name}, err), nil
	}
	state := vm.State{Name: name, Owner: record.Owner, Incarnation: record.Incarnation}
	if !dir.Complete() || (work.running && work.operation == vm.OperationCreate) {
		return e.observeIncomplete(state, work), nil
	}
	if state.Revision, err = revision(dir, record); err != nil {
		return broken(state, err), nil
	}
	facts, err := look(dir)
	if err != nil {
		return broken(state, err), nil
	}
	facts.describe(&state)
	if work.failure != nil {
		state.Failure = work.failure
	}
	return state, nil
}

// broken reports an instance that cannot be read. Since when is not known.
func broken(state vm.State, err error) vm.State {
	state.Phase, state.Failure = vm.PhaseBroken, &vm.Failure{Fault: &vm.Fault{Kind: vm.FaultBroken, Text: err.Error()}}
	return state
}

func (e *Engine) observeIncomplete(state vm.State, work work) vm.State {
	state.Phase, state.Failure = vm.PhaseIncomplete, work.failure
	elsewhere, err := flock.Held(e.dir(state.Name).WorkLock())
	switch {
	case work.running:
		state.Phase, state.Progress = vm.PhaseCreating, work.progress
	case err == nil && elsewhere:
		state.Phase, state.Progress = vm.PhaseCreating, vm.Progress{Step: "being created by another rdd", Percent: -1}
	}
	return state
}

// revision of the spec on disk; empty when lima.yaml is not what was recorded: an update was interrupted,
// or somebody edited the file, and the next Apply writes it again.
func revision(dir vmdir.Dir, record vmdir.Record) (string, error) {
	template, err := os.ReadFile(dir.Template())
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

// facts are what the directory and the locks say.
type facts struct {
	run             vmdir.Run
	hostagent, qemu bool // alive
}

// look reads the facts. The locks come first: what a process wrote before it let go of its lock is then seen.
func look(dir vmdir.Dir) (facts, error) {
	var f facts
	var errs [3]error
	f.hostagent, errs[0] = flock.Held(dir.HostagentLock())
	f.qemu, errs[1] = flock.Held(dir.QEMULock())
	f.run, errs[2] = dir.ReadRun()
	return f, errors.Join(errs[:]...)
}

// phase of a complete instance.
func (f facts) phase() vm.Phase {
	switch {
	case !f.hostagent && !f.qemu:
		return vm.PhaseStopped
	case f.run.End != nil:
		// The hostagent is about to end; Start would still find it there.
		return vm.PhaseStopping
	case f.run.Phase == "":
		return vm.PhaseStarting
	}
	return f.run.Phase
}

func (f facts) describe(state *vm.State) {
	state.Phase = f.phase()
	if state.Phase == vm.PhaseStopped {
		state.Failure = f.failure()
		return
	}
	state.Progress = f.run.Progress
	state.StartID, state.RunningRevision = f.run.StartID, f.run.Revision
	state.BootID, state.SSHPort, state.Accelerator = f.run.BootID, f.run.SSHPort, f.run.Accelerator
	if state.Phase == vm.PhaseRunning {
		state.Message, state.Forwards = f.run.Message, f.run.Forwards
	}
}

// failure says how the machine ended, if it did not end as it was told to.
func (f facts) failure() *vm.Failure {
	end := f.run.End
	switch {
	case f.run.StartID == "":
		return nil
	case end == nil && f.run.StopMode != "":
		return nil // it was stopping, and it has stopped
	case end == nil:
		return f.unwitnessed()
	case end.Fault == nil:
		return nil
	}
	return &vm.Failure{Operation: end.Operation, Fault: end.Fault, At: end.At}
}

// unwitnessed describes the end of a machine that nobody was left to write down.
func (f facts) unwitnessed() *vm.Failure {
	operation := vm.OperationStart
	if f.run.WasRunning {
		operation = vm.OperationRun
	}
	fault := &vm.Fault{
		Kind: vm.FaultProcessEnded,
		Text: "the virtual machine and its hostagent ended unexpectedly (killed, or this host was restarted)",
	}
	return &vm.Failure{Operation: operation, Fault: fault, At: f.run.Progress.Since}
}
