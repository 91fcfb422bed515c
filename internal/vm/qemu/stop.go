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
	// answerTimeout bounds a request to a hostagent.
	answerTimeout = 5 * time.Second
	// killTimeout bounds the wait for a process to end after SIGKILL.
	killTimeout = 30 * time.Second
	// endTimeout bounds the wait for a hostagent that ends a machine by force: QEMU writes its
	// caches.
	endTimeout = 20 * time.Second
)

// Stop implements vm.Engine.
func (e *Engine) Stop(ctx context.Context, owner vm.Owner, name string, mode vm.StopMode) error {
	i := e.instance(name)
	defer i.lock()()
	record, err := i.owned(owner)
	if err != nil {
		return err
	}
	e.works.forget(name, vm.OperationStop)
	return i.stop(ctx, record, mode)
}

// stop asks the hostagent, or starts one for a machine that has none.
func (i instance) stop(ctx context.Context, record vmdir.Record, mode vm.StopMode) error {
	observed, err := i.read()
	if err != nil && !errors.Is(err, errRunDamaged) {
		return err
	}
	switch {
	case observed.hostagent && observed.run.End != nil:
		return nil
	case observed.hostagent:
		return i.ask(ctx, record, mode)
	case observed.qemu:
		return i.stopOrphan(record, mode)
	}
	return i.settleStopped()
}

// settleStopped makes a machine whose end was not recorded count as stopped on request: its failure
// is not reported any more.
func (i instance) settleStopped() error {
	return i.withHostagentLock(func(lock *flock.Lock, observed observation) error {
		if observed.qemu || observed.failure() == nil {
			return nil
		}
		observed.run.End = &vmdir.End{At: time.Now()}
		return i.dir.WriteRun(lock, observed.run)
	})
}

// ask asks the hostagent to stop the machine. When it does not answer and the stop is by force, it
// is killed and another one stops the machine.
func (i instance) ask(ctx context.Context, record vmdir.Record, mode vm.StopMode) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := protocol.NewClient(i.dir.HostagentSocket()).Stop(ctx, string(mode))
	if err == nil {
		return nil
	}
	if observed, observeErr := i.observe(); observeErr == nil && (observed.run.End != nil || (!observed.hostagent && !observed.qemu)) {
		return nil // it has just ended
	}
	if mode != vm.StopForce {
		return fmt.Errorf("stopping instance %s: %w", i.name, err)
	}
	i.engine.config.Log.Warn("the hostagent does not answer: killing it", "instance", i.name, "error", err)
	if err := i.killHostagent(); err != nil {
		return fmt.Errorf("stopping instance %s: %w", i.name, err)
	}
	return i.stopOrphan(record, mode)
}

// stopOrphan starts a hostagent that adopts the machine in order to stop it.
func (i instance) stopOrphan(record vmdir.Record, mode vm.StopMode) error {
	return i.withHostagentLock(func(lock *flock.Lock, observed observation) error {
		if !observed.qemu {
			return nil
		}
		return i.spawnAdopting(lock, record, observed.run, mode)
	})
}

// killHostagent kills the hostagent of an instance, found as Dir.FindHostagent documents, and waits
// for its end.
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
