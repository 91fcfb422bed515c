// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Delete implements vm.Engine.
func (e *Engine) Delete(_ context.Context, owner vm.Owner, name string) error {
	i := e.instance(name)
	defer i.lock()()
	record, err := i.owned(owner)
	if errors.Is(err, vm.ErrNotFound) {
		e.works.forget(name, vm.OperationCreate, vm.OperationDelete, vm.OperationStart, vm.OperationStop, vm.OperationRun)
		return nil
	}
	if err != nil {
		return err
	}
	i.beginDelete(owner, record, func() error {
		if err := e.home.Remove(name); err != nil {
			return err
		}
		return e.home.RemoveLeftovers()
	})
	return nil
}

// beginDelete ends the instance's work and its processes in the background, and calls remove then.
// It does nothing while that goes on. The instance is locked.
func (i instance) beginDelete(owner vm.Owner, record vmdir.Record, remove func() error) {
	before := i.work()
	if before.isDelete() {
		return
	}
	i.engine.works.begin(i.name, owner, vm.OperationDelete, func(ctx context.Context, report func(vm.Progress)) error {
		if before.running {
			before.cancel()
			<-before.done
		}
		return i.delete(ctx, record, report, remove)
	})
}

// delete ends the processes and removes the directory. The guest is not shut down, as its disk is
// removed anyway. It needs nothing of the directory that may be damaged.
func (i instance) delete(ctx context.Context, record vmdir.Record, report func(vm.Progress), remove func() error) error {
	report(vm.Progress{Step: "ending the virtual machine", Index: 1, Total: 2, Percent: -1})
	work, err := vmdir.WaitLock(ctx, i.dir.WorkLock())
	if err != nil {
		return err
	}
	defer func() { _ = work.Unlock() }()
	hostagent, err := i.takeDown(ctx, record)
	if err != nil {
		return fmt.Errorf("deleting instance %s: %w", i.name, err)
	}
	defer func() { _ = hostagent.Unlock() }()
	report(vm.Progress{Step: "removing files", Index: 2, Total: 2, Percent: -1})
	if err := i.removeSockets(record); err != nil {
		return fmt.Errorf("deleting instance %s: %w", i.name, err)
	}
	if err := remove(); err != nil {
		return err
	}
	i.forgetImage()
	i.engine.bases.set(i.name, nil)
	return nil
}

// takeDown ends hostagent and QEMU. It returns the hostagent's lock, which is held so that nobody
// starts another one.
func (i instance) takeDown(ctx context.Context, record vmdir.Record) (*flock.Lock, error) {
	lock, err := vmdir.TryLock(i.dir.HostagentLock())
	if errors.Is(err, flock.ErrLocked) {
		lock, err = i.endHostagent(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := i.endLockless(ctx); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	if err := i.endQEMU(record); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	if err := i.endTPM(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// endLockless ends a hostagent whose lock's file was removed while it held that.
func (i instance) endLockless(ctx context.Context) error {
	// It is found by run.json, else by its socket. Its lock may be held by this process now.
	id, err := i.dir.FindHostagent()
	if err != nil || !i.dir.IsHostagent(id) {
		return nil //nolint:nilerr // there is none, or nothing is known of it
	}
	i.engine.config.Log.Warn("a hostagent has lost its lock: ending it", "instance", i.name)
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := protocol.NewClient(i.dir.HostagentSocket()).Stop(asking, string(vm.StopForce)); err == nil {
		waiting, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		if id.Wait(waiting) == nil {
			return nil
		}
	}
	return kill(id)
}

// endHostagent asks the hostagent to end the machine and itself, and kills it when it does not.
func (i instance) endHostagent(ctx context.Context) (*flock.Lock, error) {
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := protocol.NewClient(i.dir.HostagentSocket()).Stop(asking, string(vm.StopForce)); err == nil {
		waiting, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		if lock, err := vmdir.WaitLock(waiting, i.dir.HostagentLock()); err == nil {
			return lock, nil
		}
	}
	i.engine.config.Log.Warn("the hostagent does not end: killing it", "instance", i.name)
	if err := i.killHostagent(); err != nil && !errors.Is(err, process.ErrGone) {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	return vmdir.WaitLock(waiting, i.dir.HostagentLock())
}

// endQEMU kills a QEMU that has no hostagent. It fails when qemu.lock is still held afterwards: the
// disk must not be removed while a process may have it open.
func (i instance) endQEMU(record vmdir.Record) error {
	run, err := i.dir.ReadRun()
	if err != nil {
		run = vmdir.Run{} // damaged: QEMU is found by its socket
	}
	alive, err := i.dir.QEMUAlive(run)
	if err != nil || !alive {
		return err
	}
	id, err := i.dir.FindQEMU(record, run)
	if err == nil {
		err = kill(id)
	}
	if err != nil && !errors.Is(err, process.ErrGone) { // it may just have ended
		return err
	}
	if alive, err = vmdir.Held(i.dir.QEMULock()); err != nil || !alive {
		return err
	}
	return errors.New("a process that is not QEMU holds the virtual machine's lock")
}

// endTPM waits for the end of the swtpm of a QEMU that has ended: it may still write its state.
func (i instance) endTPM() error {
	run, err := i.dir.ReadRun()
	if err != nil {
		return nil //nolint:nilerr // never started, or damaged: swtpm ends by itself
	}
	return run.EndTPM()
}

// removeSockets removes the host's ends of forwarded sockets that a killed hostagent left behind.
func (i instance) removeSockets(record vmdir.Record) error {
	start, err := i.dir.ReadStart()
	if err != nil {
		return nil //nolint:nilerr // never started, or damaged: no sockets are known
	}
	t, err := guest.Template(i.dir, record, start)
	if err != nil {
		return nil //nolint:nilerr // as above
	}
	for _, f := range t.PortForwards {
		if f.HostSocket == "" {
			continue
		}
		if err := sshx.RemoveStale(f.HostSocket); err != nil {
			return err
		}
	}
	return nil
}
