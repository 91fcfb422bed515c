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
	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Start implements vm.Engine.
func (e *Engine) Start(ctx context.Context, owner vm.Owner, name string) error {
	i := e.instance(name)
	defer i.lock()()
	record, err := i.owned(owner)
	if err != nil {
		return err
	}
	if err := i.idle(record); err != nil {
		return err
	}
	if err := i.resume(ctx); err != nil {
		return err
	}
	return i.withHostagentLock(func(lock *flock.Lock, observed observation) error {
		if observed.qemu {
			return i.spawnAdopting(lock, record, observed.run, "")
		}
		record, err := i.readyBase(ctx, record)
		if err != nil {
			return err
		}
		start, err := i.prepareStart(lock, record, observed.run)
		if err != nil {
			return err
		}
		e.bases.set(name, nil)
		e.works.forget(name, vm.OperationStart, vm.OperationRun, vm.OperationStop, vm.OperationCreate)
		if err := i.spawn(lock, false); err != nil {
			end := &vmdir.End{At: time.Now(), Operation: vm.OperationStart, Fault: vm.FaultOf(err)}
			return errors.Join(err, i.dir.WriteRun(lock, vmdir.Run{StartID: start.ID, Revision: start.Revision, End: end}))
		}
		return nil
	})
}

// resume has the guest resumed if it is paused.
func (i instance) resume(ctx context.Context) error {
	observed, err := i.observe()
	if err != nil || observed.run.Pause == nil || observed.run.End != nil || !observed.hostagent {
		return nil //nolint:nilerr // what is damaged is the start's to report
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := protocol.NewClient(i.dir.HostagentSocket()).Resume(ctx); err != nil {
		return fmt.Errorf("resuming instance %s: %w", i.name, err)
	}
	return nil
}

// withHostagentLock calls do with the hostagent's lock held and what was observed then. When a
// hostagent is alive, do is not called. The result is nil then, or vm.ErrBusy when that hostagent
// is about to end. A damaged run.json is set apart: do observes that nothing is recorded.
func (i instance) withHostagentLock(do func(*flock.Lock, observation) error) error {
	lock, err := vmdir.TryLock(i.dir.HostagentLock())
	if errors.Is(err, flock.ErrLocked) {
		return i.busyUnlessUp()
	}
	if err != nil {
		return err
	}
	// A hostagent that do has started shares the lock and goes on holding it.
	defer func() { _ = lock.Unlock() }()
	observed, err := i.read()
	if errors.Is(err, errRunDamaged) {
		err = vmdir.SetApart(i.dir.RunFile())
	}
	if err != nil {
		return err
	}
	// The file of its lock was removed. One that has recorded the end has released the lock itself.
	if served, err := i.dir.FindHostagent(); err == nil && observed.run.End == nil && i.dir.IsHostagent(served) {
		return i.busyUnlessUp()
	}
	return do(lock, observed)
}

// busyUnlessUp returns vm.ErrBusy unless the machine starts or runs. Its hostagent is alive.
func (i instance) busyUnlessUp() error {
	observed, err := i.observe()
	if err != nil {
		return err
	}
	if phase := observed.phase(); phase != vm.PhaseStarting && phase != vm.PhaseRunning {
		return i.busy("still " + string(phase))
	}
	return nil
}

// prepareStart checks the host and the instance's files, and records what is about to be started.
// before is what was recorded of the start before it.
// The hostagent's lock is held.
func (i instance) prepareStart(lock *flock.Lock, record vmdir.Record, before vmdir.Run) (vmdir.Start, error) {
	if i.revision(record) == "" && record.Spec.Revision != "" {
		return vmdir.Start{}, fmt.Errorf("instance %s: lima.yaml is not what was applied; apply it again: %w", i.name, vm.ErrBusy)
	}
	text, err := i.dir.ReadTemplate()
	if err != nil {
		return vmdir.Start{}, err
	}
	if err := errors.Join(i.repair(), i.dir.ClearWay()); err != nil {
		return vmdir.Start{}, err
	}
	start := vmdir.Start{
		ID: uuid.NewString(), Revision: record.Spec.Revision, Template: string(text), Params: record.Spec.Params,
		Host: i.engine.config.User,
	}
	t, err := guest.Template(i.dir, record, start)
	if err != nil {
		return vmdir.Start{}, err
	}
	if err := i.checkHost(record, t); err != nil {
		return vmdir.Start{}, err
	}
	if t.PropagateProxyEnv {
		start.Proxies = i.engine.config.Proxies
	}
	if err := i.dir.WriteStart(start); err != nil {
		return vmdir.Start{}, err
	}
	return start, i.dir.WriteRun(lock, vmdir.Run{
		StartID: start.ID, Revision: start.Revision, Phase: vm.PhaseStarting,
		Progress: vm.Progress{Step: "starting the hostagent", Percent: -1, Since: time.Now()},
		TPM:      before.TPM, // which the hostagent has to see the end of
	})
}

// checkHost checks for what would make the start fail later and with a less clear error.
func (i instance) checkHost(record vmdir.Record, t *template.Template) error {
	if _, err := machine.Find(record.Machine.Arch); err != nil {
		return err
	}
	if err := checkTPM(t); err != nil {
		return err
	}
	if err := i.checkDisks(t); err != nil {
		return err
	}
	if err := checkMemory(t.Memory); err != nil {
		return err
	}
	return checkSpace(string(i.dir), spaceToStart)
}

// checkTPM makes sure that the template's machine can have the TPM that it wants.
func checkTPM(t *template.Template) error {
	if !t.TPM {
		return nil
	}
	_, err := machine.FindTPM()
	return err
}

// spawn starts a hostagent and hands down the lock and a socket that listens already: requests that
// come before the hostagent is ready wait for it.
func (i instance) spawn(lock *flock.Lock, adopt bool) (err error) {
	listener, err := i.dir.Listen()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, listener.Close()) }()
	socket, err := listener.File()
	if err != nil {
		return fmt.Errorf("handing the socket down: %w", err)
	}
	defer func() { err = errors.Join(err, socket.Close()) }()
	stdout, stderr, err := i.openLogs(adopt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stdout.Close(), stderr.Close()) }()
	_, ended, err := process.StartDetached(process.Command{
		Path: i.engine.config.Executable, Args: i.hostagentArgs(adopt), Dir: "/",
		Stdout: stdout, Stderr: stderr, Files: []*os.File{lock.File(), socket},
	})
	if err != nil {
		return fmt.Errorf("starting the hostagent of %s: %w", i.name, err)
	}
	go func() {
		i.engine.config.Log.Debug("a hostagent ended", "instance", i.name, "result", <-ended)
		i.engine.works.changed(i.name)
	}()
	return nil
}

// hostagentArgs are those of the hidden command `rdd hostagent`.
func (i instance) hostagentArgs(adopt bool) []string {
	config := i.engine.config
	args := []string{"hostagent", i.name, "--inherited", "--lima-home", config.LimaHome, "--cache-dir", config.CacheDir}
	if config.Accelerator != "" {
		args = append(args, "--accelerator", config.Accelerator)
	}
	if adopt {
		args = append(args, "--adopt")
	}
	return args
}

// openLogs opens the hostagent's logs. They are emptied for a start, and appended to for an
// adoption.
func (i instance) openLogs(adopt bool) (stdout, stderr *os.File, err error) {
	open := logfile.Renew
	if adopt {
		open = func(path string) (*os.File, error) { return logfile.Open(path, vmdir.MaxLog) }
	}
	if err := errors.Join(vmdir.ClearFile(i.dir.HostagentStdout()), vmdir.ClearFile(i.dir.HostagentStderr())); err != nil {
		return nil, nil, err
	}
	if stdout, err = open(i.dir.HostagentStdout()); err != nil {
		return nil, nil, fmt.Errorf("opening the hostagent's log: %w", err)
	}
	if stderr, err = open(i.dir.HostagentStderr()); err != nil {
		return nil, nil, fmt.Errorf("opening the hostagent's log: %w", errors.Join(err, stdout.Close()))
	}
	return stdout, stderr, nil
}
