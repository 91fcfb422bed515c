// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// answerTimeout for a hostagent to take a request.
	answerTimeout = 5 * time.Second
	// killTimeout for a process to end after SIGKILL.
	killTimeout = 30 * time.Second
	// endTimeout for a hostagent to end a machine by force: QEMU writes its caches.
	endTimeout = 20 * time.Second
)

// Stop implements vm.Engine.
func (e *Engine) Stop(ctx context.Context, owner vm.Owner, name string, mode vm.StopMode) error {
	defer e.names.lock(name)()
	if _, err := e.owned(owner, name); err != nil {
		return err
	}
	e.works.forget(name, vm.OperationStop)
	return e.stop(ctx, name, mode)
}

func (e *Engine) stop(ctx context.Context, name string, mode vm.StopMode) error {
	dir := e.dir(name)
	f, err := look(dir)
	if err != nil {
		return err
	}
	switch {
	case f.hostagent && f.run.End != nil:
		return nil
	case f.hostagent:
		return e.ask(ctx, name, mode)
	case f.qemu:
		return e.stopOrphan(name, mode)
	}
	return e.settleStopped(name)
}

// settleStopped makes a start that nobody witnessed the end of count as stopped as asked.
func (e *Engine) settleStopped(name string) error {
	return e.withHostagentLock(name, func(_ *flock.Lock, f facts) error {
		if f.qemu || f.failure() == nil {
			return nil
		}
		f.run.End = &vmdir.End{At: time.Now()}
		return e.dir(name).WriteRun(f.run)
	})
}

// ask tells the hostagent to stop. One that does not answer is replaced when the stop is by force.
func (e *Engine) ask(ctx context.Context, name string, mode vm.StopMode) error {
	dir := e.dir(name)
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := protocol.NewClient(dir.HostagentSocket()).Stop(ctx, string(mode))
	if err == nil {
		return nil
	}
	if f, lookErr := look(dir); lookErr == nil && (f.run.End != nil || (!f.hostagent && !f.qemu)) {
		return nil // it has just ended
	}
	if mode != vm.StopForce {
		return fmt.Errorf("stopping instance %s: %w", name, err)
	}
	e.config.Log.Warn("the hostagent does not answer: killing it", "instance", name, "error", err)
	if err := killHostagent(dir); err != nil {
		return fmt.Errorf("stopping instance %s: %w", name, err)
	}
	return e.stopOrphan(name, mode)
}

// stopOrphan starts a hostagent that adopts the machine in order to stop it.
func (e *Engine) stopOrphan(name string, mode vm.StopMode) error {
	return e.withHostagentLock(name, func(lock *flock.Lock, f facts) error {
		if !f.qemu {
			return nil
		}
		f.run.StopMode, f.run.Phase = mode, vm.PhaseStopping
		if err := e.dir(name).WriteRun(f.run); err != nil {
			return err
		}
		return e.spawn(name, lock, true)
	})
}

// killHostagent ends the hostagent of an instance: the process that was written down or that listens on
// its socket, and only when its command line says that it is one.
func killHostagent(dir vmdir.Dir) error {
	id, err := findHostagent(dir)
	if err != nil {
		return err
	}
	return kill(id)
}

func findHostagent(dir vmdir.Dir) (process.Identity, error) {
	if run, err := dir.ReadRun(); err == nil && run.Hostagent != nil && run.Hostagent.Alive() {
		return *run.Hostagent, nil
	}
	pid, err := process.SocketOwner(dir.HostagentSocket())
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding the hostagent: %w", err)
	}
	id, err := process.Identify(pid)
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding the hostagent: %w", err)
	}
	args, err := process.CommandLine(pid)
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding the hostagent: %w", err)
	}
	if !slices.Contains(args, "hostagent") || !slices.Contains(args, dir.Name()) {
		return process.Identity{}, errors.New("finding the hostagent: its socket belongs to another program")
	}
	return id, nil
}

// kill ends a process and waits for that; nil when it has ended already.
func kill(id process.Identity) error {
	if err := id.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, process.ErrGone) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	return id.Wait(ctx)
}
