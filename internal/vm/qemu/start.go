// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Start implements vm.Engine.
func (e *Engine) Start(_ context.Context, owner vm.Owner, name string) error {
	defer e.names.lock(name)()
	record, err := e.owned(owner, name)
	if err != nil {
		return err
	}
	if err := e.idle(name); err != nil {
		return err
	}
	return e.withHostagentLock(name, func(lock *flock.Lock, f facts) error {
		if f.qemu {
			return e.spawn(name, lock, true)
		}
		start, err := e.prepareStart(name, record)
		if err != nil {
			return err
		}
		e.works.forget(name, vm.OperationStart, vm.OperationRun, vm.OperationStop, vm.OperationCreate)
		if err := e.spawn(name, lock, false); err != nil {
			end := &vmdir.End{At: time.Now(), Operation: vm.OperationStart, Fault: vm.FaultOf(err)}
			return errors.Join(err, e.dir(name).WriteRun(vmdir.Run{StartID: start.ID, Revision: start.Revision, End: end}))
		}
		return nil
	})
}

// idle returns vm.ErrBusy while the instance is being created or deleted, here or by another process.
func (e *Engine) idle(name string) error {
	if work := e.works.get(name); work.running {
		return busy(name, "being worked on ("+string(work.operation)+")")
	}
	elsewhere, err := flock.Held(e.dir(name).WorkLock())
	if err != nil {
		return err
	}
	if elsewhere {
		return busy(name, "being worked on by another rdd")
	}
	if !e.dir(name).Complete() {
		return busy(name, "not completely created")
	}
	return nil
}

// withHostagentLock calls do holding the hostagent's lock. When a hostagent holds it, there is nothing to start, or
// vm.ErrBusy when that one is on its way out.
func (e *Engine) withHostagentLock(name string, do func(*flock.Lock, facts) error) error {
	dir := e.dir(name)
	lock, err := flock.Try(dir.HostagentLock())
	if errors.Is(err, flock.ErrLocked) {
		f, err := look(dir)
		if err != nil {
			return err
		}
		if phase := f.phase(); phase != vm.PhaseStarting && phase != vm.PhaseRunning {
			return busy(name, "still "+string(phase))
		}
		return nil
	}
	if err != nil {
		return err
	}
	// The hostagent shares the lock by then.
	defer func() { _ = lock.Unlock() }()
	f, err := look(dir)
	if err != nil {
		return err
	}
	return do(lock, f)
}

// prepareStart checks the host and writes down what is about to be started. The hostagent's lock is held.
func (e *Engine) prepareStart(name string, record vmdir.Record) (vmdir.Start, error) {
	dir := e.dir(name)
	if onDisk, err := revision(dir, record); err != nil {
		return vmdir.Start{}, err
	} else if onDisk == "" && record.Spec.Revision != "" {
		return vmdir.Start{}, fmt.Errorf("instance %s: lima.yaml is not what was applied; apply it again: %w", name, vm.ErrBusy)
	}
	template, err := os.ReadFile(dir.Template())
	if err != nil {
		return vmdir.Start{}, fmt.Errorf("reading the template: %w", err)
	}
	start := vmdir.Start{
		ID: uuid.NewString(), Revision: record.Spec.Revision, Template: string(template), Params: record.Spec.Params, Host: e.config.User,
	}
	if err := e.checkHost(dir, record, start); err != nil {
		return vmdir.Start{}, err
	}
	if err := dir.WriteStart(start); err != nil {
		return vmdir.Start{}, err
	}
	return start, dir.WriteRun(vmdir.Run{
		StartID: start.ID, Revision: start.Revision, Phase: vm.PhaseStarting,
		Progress: vm.Progress{Step: "starting the hostagent", Percent: -1, Since: time.Now()},
	})
}

// checkHost looks for everything that would make the start fail later and less clearly.
func (e *Engine) checkHost(dir vmdir.Dir, record vmdir.Record, start vmdir.Start) error {
	if _, err := machine.Find(); err != nil {
		return err
	}
	t, err := guest.Template(dir, record, start)
	if err != nil {
		return err
	}
	if err := checkMemory(t.Memory); err != nil {
		return err
	}
	return checkSpace(string(dir), spaceToStart)
}

// spawn starts a hostagent, which takes over the lock and a socket that listens already.
func (e *Engine) spawn(name string, lock *flock.Lock, adopt bool) (err error) {
	dir := e.dir(name)
	listener, err := dir.Listen()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, listener.Close()) }()
	socket, err := listener.File()
	if err != nil {
		return fmt.Errorf("handing the socket down: %w", err)
	}
	defer func() { err = errors.Join(err, socket.Close()) }()
	stdout, stderr, err := openLogs(dir, adopt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stdout.Close(), stderr.Close()) }()
	_, ended, err := process.StartDetached(process.Command{
		Path: e.config.Executable, Args: e.hostagentArgs(name, adopt), Dir: "/",
		Stdout: stdout, Stderr: stderr, Files: []*os.File{lock.File(), socket},
	})
	if err != nil {
		return fmt.Errorf("starting the hostagent of %s: %w", name, err)
	}
	go func() {
		e.config.Log.Debug("a hostagent ended", "instance", name, "result", <-ended)
		e.works.changed(name)
	}()
	return nil
}

func (e *Engine) hostagentArgs(name string, adopt bool) []string {
	args := []string{"hostagent", name, "--inherited", "--lima-home", e.config.LimaHome, "--cache-dir", e.config.CacheDir}
	if e.config.Accelerator != "" {
		args = append(args, "--accelerator", e.config.Accelerator)
	}
	if adopt {
		args = append(args, "--adopt")
	}
	return args
}

// openLogs opens the hostagent's logs: empty for a start, to go on for an adoption.
func openLogs(dir vmdir.Dir, adopt bool) (stdout, stderr *os.File, err error) {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if !adopt {
		flags |= os.O_TRUNC
	}
	if stdout, err = os.OpenFile(dir.HostagentStdout(), flags, 0o600); err != nil {
		return nil, nil, fmt.Errorf("opening the hostagent's log: %w", err)
	}
	if stderr, err = os.OpenFile(dir.HostagentStderr(), flags, 0o600); err != nil {
		return nil, nil, fmt.Errorf("opening the hostagent's log: %w", errors.Join(err, stdout.Close()))
	}
	return stdout, stderr, nil
}

// adopt starts a hostagent for a machine that has lost its own.
func (e *Engine) adopt(name string) error {
	defer e.names.lock(name)()
	if err := e.idle(name); err != nil {
		return err
	}
	return e.withHostagentLock(name, func(lock *flock.Lock, f facts) error {
		if !f.qemu {
			return nil
		}
		e.config.Log.Info("adopting a virtual machine without hostagent", "instance", name)
		return e.spawn(name, lock, true)
	})
}
