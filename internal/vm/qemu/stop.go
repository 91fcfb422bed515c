// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
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
	i := e.instance(name)
	defer i.lock()()
	if _, err := i.owned(owner); err != nil {
		return err
	}
	e.works.forget(name, vm.OperationStop)
	return i.stop(ctx, mode)
}

func (i instance) stop(ctx context.Context, mode vm.StopMode) error {
	seen, err := i.observe()
	if err != nil {
		return err
	}
	switch {
	case seen.hostagent && seen.run.End != nil:
		return nil
	case seen.hostagent:
		return i.ask(ctx, mode)
	case seen.qemu:
		return i.stopOrphan(mode)
	}
	return i.settleStopped()
}

// settleStopped makes a start that nobody witnessed the end of count as stopped as asked.
func (i instance) settleStopped() error {
	return i.withHostagentLock(func(lock *flock.Lock, seen observation) error {
		if seen.qemu || seen.failure() == nil {
			return nil
		}
		seen.run.End = &vmdir.End{At: time.Now()}
		return i.dir.WriteRun(lock, seen.run)
	})
}

// ask has the hostagent stop the machine. One that does not answer is replaced when the stop is by
// force.
func (i instance) ask(ctx context.Context, mode vm.StopMode) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := protocol.NewClient(i.dir.HostagentSocket()).Stop(ctx, string(mode))
	if err == nil {
		return nil
	}
	if seen, observeErr := i.observe(); observeErr == nil && (seen.run.End != nil || (!seen.hostagent && !seen.qemu)) {
		return nil // it has just ended
	}
	if mode != vm.StopForce {
		return fmt.Errorf("stopping instance %s: %w", i.name, err)
	}
	i.engine.config.Log.Warn("the hostagent does not answer: killing it", "instance", i.name, "error", err)
	if err := i.killHostagent(); err != nil {
		return fmt.Errorf("stopping instance %s: %w", i.name, err)
	}
	return i.stopOrphan(mode)
}

// stopOrphan starts a hostagent that adopts the machine in order to stop it.
func (i instance) stopOrphan(mode vm.StopMode) error {
	return i.withHostagentLock(func(lock *flock.Lock, seen observation) error {
		if !seen.qemu {
			return nil
		}
		seen.run.StopMode, seen.run.Phase = mode, vm.PhaseStopping
		if err := i.dir.WriteRun(lock, seen.run); err != nil {
			return err
		}
		return i.spawn(lock, true)
	})
}

// killHostagent ends the hostagent of an instance: the process that was written down or that
// listens on its socket, and only when its command line says that it is one.
func (i instance) killHostagent() error {
	id, err := i.dir.FindHostagent()
	if err != nil {
		return err
	}
	return kill(id)
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
