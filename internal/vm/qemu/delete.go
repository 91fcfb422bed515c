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
	before := i.work()
	if before.isDelete() {
		return nil
	}
	e.works.begin(name, record.Owner, vm.OperationDelete, func(ctx context.Context, report func(vm.Progress)) error {
		if before.running {
			before.cancel()
			<-before.done
		}
		return i.delete(ctx, record, report)
	})
	return nil
}

// delete ends the processes and removes the directory. The guest is not shut down, as its disk is
// removed anyway.
func (i instance) delete(ctx context.Context, record vmdir.Record, report func(vm.Progress)) error {
	report(vm.Progress{Step: "ending the virtual machine", Index: 1, Total: 2, Percent: -1})
	work, err := flock.Wait(ctx, i.dir.WorkLock())
	if err != nil {
		return err
	}
	defer func() { _ = work.Unlock() }()
	hostagent, err := i.takeDown(ctx)
	if err != nil {
		return fmt.Errorf("deleting instance %s: %w", i.name, err)
	}
	defer func() { _ = hostagent.Unlock() }()
	report(vm.Progress{Step: "removing files", Index: 2, Total: 2, Percent: -1})
	if err := i.removeSockets(record); err != nil {
		return fmt.Errorf("deleting instance %s: %w", i.name, err)
	}
	if err := i.engine.home.Remove(i.name); err != nil {
		return err
	}
	i.forgetImage()
	i.engine.bases.set(i.name, nil)
	return i.engine.home.RemoveLeftovers()
}

// takeDown ends hostagent and QEMU. It returns the hostagent's lock, which is held so that nobody
// starts another one.
func (i instance) takeDown(ctx context.Context) (*flock.Lock, error) {
	lock, err := flock.Try(i.dir.HostagentLock())
	if errors.Is(err, flock.ErrLocked) {
		lock, err = i.endHostagent(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := i.endQEMU(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// endHostagent asks the hostagent to end the machine and itself, and kills it when it does not.
func (i instance) endHostagent(ctx context.Context) (*flock.Lock, error) {
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := protocol.NewClient(i.dir.HostagentSocket()).Stop(asking, string(vm.StopForce)); err == nil {
		waiting, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		if lock, err := flock.Wait(waiting, i.dir.HostagentLock()); err == nil {
			return lock, nil
		}
	}
	i.engine.config.Log.Warn("the hostagent does not end: killing it", "instance", i.name)
	if err := i.killHostagent(); err != nil && !errors.Is(err, process.ErrGone) {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	return flock.Wait(waiting, i.dir.HostagentLock())
}

// endQEMU kills a QEMU that has no hostagent. It fails when qemu.lock is still held afterwards: the
// disk must not be removed while a process may have it open.
func (i instance) endQEMU() error {
	alive, err := flock.Held(i.dir.QEMULock())
	if err != nil || !alive {
		return err
	}
	record, err := i.dir.ReadRecord()
	if err != nil {
		return err
	}
	run, err := i.dir.ReadRun()
	if err != nil {
		run = vmdir.Run{} // damaged: QEMU is found by its socket
	}
	id, err := i.dir.FindQEMU(record, run)
	if err != nil {
		return err
	}
	if err := kill(id); err != nil {
		return err
	}
	if alive, err = flock.Held(i.dir.QEMULock()); err != nil || !alive {
		return err
	}
	return errors.New("a process that is not QEMU holds the virtual machine's lock")
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
