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
	defer e.names.lock(name)()
	record, err := e.owned(owner, name)
	if errors.Is(err, vm.ErrNotFound) {
		e.works.forget(name, vm.OperationCreate, vm.OperationDelete, vm.OperationStart, vm.OperationStop, vm.OperationRun)
		return nil
	}
	if err != nil {
		return err
	}
	before := e.works.get(name)
	if before.isDelete() {
		return nil
	}
	e.works.begin(name, record.Owner, vm.OperationDelete, func(ctx context.Context, report func(vm.Progress)) error {
		if before.running {
			before.cancel()
			<-before.done
		}
		err := e.delete(ctx, name, record, report)
		if err != nil {
			e.config.Log.Error("deleting an instance", "instance", name, "error", err)
		}
		return err
	})
	return nil
}

// delete ends the processes and removes the directory. The data goes, so the guest is not asked.
func (e *Engine) delete(ctx context.Context, name string, record vmdir.Record, report func(vm.Progress)) error {
	dir := e.dir(name)
	report(vm.Progress{Step: "ending the virtual machine", Index: 1, Total: 2, Percent: -1})
	work, err := flock.Wait(ctx, dir.WorkLock())
	if err != nil {
		return err
	}
	defer func() { _ = work.Unlock() }()
	hostagent, err := e.takeDown(ctx, dir)
	if err != nil {
		return fmt.Errorf("deleting instance %s: %w", name, err)
	}
	defer func() { _ = hostagent.Unlock() }()
	report(vm.Progress{Step: "removing files", Index: 2, Total: 2, Percent: -1})
	if err := removeSockets(dir, record); err != nil {
		return fmt.Errorf("deleting instance %s: %w", name, err)
	}
	if err := e.home.Remove(name); err != nil {
		return err
	}
	return e.home.RemoveLeftovers()
}

// takeDown ends hostagent and QEMU and returns the hostagent's lock, held so that nobody starts another.
func (e *Engine) takeDown(ctx context.Context, dir vmdir.Dir) (*flock.Lock, error) {
	lock, err := flock.Try(dir.HostagentLock())
	if errors.Is(err, flock.ErrLocked) {
		lock, err = e.endHostagent(ctx, dir)
	}
	if err != nil {
		return nil, err
	}
	if err := e.endQEMU(dir); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// endHostagent has the hostagent end the machine and itself, or kills it.
func (e *Engine) endHostagent(ctx context.Context, dir vmdir.Dir) (*flock.Lock, error) {
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := protocol.NewClient(dir.HostagentSocket()).Stop(asking, string(vm.StopForce)); err == nil {
		waiting, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		if lock, err := flock.Wait(waiting, dir.HostagentLock()); err == nil {
			return lock, nil
		}
	}
	e.config.Log.Warn("the hostagent does not end: killing it", "instance", dir.Name())
	if err := killHostagent(dir); err != nil && !errors.Is(err, process.ErrGone) {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	return flock.Wait(waiting, dir.HostagentLock())
}

// endQEMU kills a machine that has no hostagent. The disk is not touched while anyone may have it open.
func (e *Engine) endQEMU(dir vmdir.Dir) error {
	alive, err := flock.Held(dir.QEMULock())
	if err != nil || !alive {
		return err
	}
	record, err := dir.ReadRecord()
	if err != nil {
		return err
	}
	run, err := dir.ReadRun()
	if err != nil {
		run = vmdir.Run{} // damaged: QEMU is found without it
	}
	id, err := FindQEMU(dir, record, run)
	if err != nil {
		return err
	}
	if err := kill(id); err != nil {
		return err
	}
	if alive, err = flock.Held(dir.QEMULock()); err != nil || !alive {
		return err
	}
	return errors.New("a process that is not QEMU holds the virtual machine's lock")
}

// removeSockets removes the host's ends of forwarded sockets that a killed hostagent left behind.
func removeSockets(dir vmdir.Dir, record vmdir.Record) error {
	start, err := dir.ReadStart()
	if err != nil {
		return nil //nolint:nilerr // never started, or damaged: then nobody knows of sockets
	}
	t, err := guest.Template(dir, record, start)
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
