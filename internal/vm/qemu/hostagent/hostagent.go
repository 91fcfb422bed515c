// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Config says which machine a hostagent is for.
type Config struct {
	Dir vmdir.Dir
	// Version of this rdd.
	Version string
	// Accelerator is "kvm" or "tcg"; empty chooses.
	Accelerator string
	// CacheDir keeps the results of trials of the accelerator.
	CacheDir string
	// ProbeTimeout bounds the wait for the template's probes; 0: a default by the accelerator.
	ProbeTimeout time.Duration
	// Room returns the bytes that can be written to the file system of a path; nil: the host's own.
	Room func(path string) (int64, error)
	// Private are rdd's own directories, which are hidden from the guest in all mounts.
	Private []string
	// Adopt makes Run fail when there is no machine to adopt, instead of booting one.
	Adopt bool
	// Inherited says that lock and socket were handed down, as vmdir.LockDescriptor and
	// SocketDescriptor.
	Inherited bool
	// Events gets a JSON line for each change, as ha.stdout.log holds them.
	Events io.Writer
	Log    *slog.Logger
}

// agent is a running hostagent.
type agent struct {
	Config
	lock     *flock.Lock
	listener net.Listener
	state    *runRecorder
	stops    *stopRequests
	resumes  chan struct{} // requests to resume a paused guest
	record   vmdir.Record
	start    vmdir.Start
}

// Run supervises the machine until it has ended. When ctx ends, the machine is shut down. A failure
// of the machine is recorded in run.json and is no error of Run. flock.ErrLocked: another hostagent
// supervises it.
func Run(ctx context.Context, c Config) error {
	a, err := open(c)
	if err != nil {
		return fmt.Errorf("starting the hostagent of %s: %w", c.Dir.Name(), err)
	}
	serving := a.serve()
	a.supervise(ctx)
	err = a.cleanUp()
	// Last, so that a client whose connection ends finds everything recorded.
	return errors.Join(err, serving.close(), a.lock.Unlock())
}

// open takes the lock, reads the records of the machine and opens the socket.
func open(c Config) (*agent, error) {
	a := &agent{Config: c, stops: newStopRequests(), resumes: make(chan struct{}, 1)}
	var err error
	if a.lock, err = c.takeLock(); err != nil {
		return nil, err
	}
	if a.record, err = c.Dir.ReadRecord(); err != nil {
		return nil, err
	}
	if a.start, err = c.Dir.ReadStart(); err != nil {
		return nil, err
	}
	run, err := c.Dir.ReadRun()
	if err != nil {
		return nil, err
	}
	if run.StartID != a.start.ID {
		// run.json is written after start.json: the start was interrupted between the two.
		run = vmdir.Run{StartID: a.start.ID, Revision: a.start.Revision}
	}
	if a.state, err = newRunRecorder(c, a.lock, run); err != nil {
		return nil, err
	}
	if err := a.announce(); err != nil {
		a.failed(err) // or the engine finds a hostagent that is gone, and no reason
		return nil, err
	}
	return a, nil
}

// announce opens the socket and writes the files by which the hostagent is found.
func (a *agent) announce() (err error) {
	if a.listener, err = a.listen(); err != nil {
		return err
	}
	return atomicfile.Write(a.Dir.HostagentPID(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
}

// takeLock takes over the lock that the engine handed down, or takes it itself.
func (c Config) takeLock() (*flock.Lock, error) {
	if c.Inherited {
		return flock.Inherit(vmdir.LockDescriptor, c.Dir.HostagentLock())
	}
	return vmdir.TryLock(c.Dir.HostagentLock())
}

// listen takes over the socket that the engine handed down, or opens it itself.
func (c Config) listen() (net.Listener, error) {
	if !c.Inherited {
		return c.Dir.Listen()
	}
	file := os.NewFile(vmdir.SocketDescriptor, c.Dir.HostagentSocket())
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("taking over the hostagent's socket: %w", err), file.Close())
	}
	// Until now the socket was the engine's: Dir.FindHostagent would find that.
	return listener, errors.Join(process.OwnSocket(file), file.Close())
}

// cleanUp removes the files by which the hostagent and the guest are found.
func (a *agent) cleanUp() error {
	return errors.Join(
		a.endTPM(),
		a.removeCopies(),
		atomicfile.Remove(a.Dir.SSHConfig()),
		atomicfile.Remove(a.Dir.OwnSSHConfig()),
		atomicfile.Remove(a.Dir.VNCDisplay()),
		atomicfile.Remove(a.Dir.VNCPassword()),
		atomicfile.Remove(a.Dir.HostagentPID()),
		atomicfile.Remove(a.Dir.HostagentSocket()),
	)
}

// supervise adopts or boots the machine and waits for its end.
func (a *agent) supervise(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go a.state.guard(ctx)
	m, err := a.obtain(ctx)
	switch {
	case errors.Is(err, errStopRequested) || (err != nil && ctx.Err() != nil):
		a.state.end(vmdir.End{})
	case err != nil:
		a.failed(err)
	default:
		defer m.close()
		a.follow(ctx, m)
	}
}

// obtain adopts the machine if it runs, and boots it otherwise.
func (a *agent) obtain(ctx context.Context) (*machineProcess, error) {
	ctx, cancel := a.stops.context(ctx)
	defer cancel()
	alive, err := a.Dir.QEMUAlive(a.state.get())
	if err != nil {
		return nil, err
	}
	var m *machineProcess
	switch {
	case alive:
		m, err = a.adopt()
	case a.Adopt:
		return nil, &vm.Fault{Kind: vm.FaultProcessEnded, Text: "the virtual machine ended while it had no hostagent; " + a.logTails()}
	default:
		m, err = a.boot(ctx)
	}
	if err != nil && a.stops.requested() {
		return nil, errStopRequested
	}
	return m, err
}

// failed records why there is no machine, or no longer.
func (a *agent) failed(err error) {
	operation := vm.OperationStart
	if a.state.get().WasRunning {
		operation = vm.OperationRun
	}
	a.fail(operation, err)
}

// fail records the failure of an operation; the machine has ended.
func (a *agent) fail(operation vm.Operation, err error) {
	a.Log.Error("the virtual machine failed", "operation", operation, "error", err)
	a.state.end(vmdir.End{Operation: operation, Fault: a.advise(vm.FaultOf(err))})
}

// room returns the bytes that can be written to the file system of a path.
func (a *agent) room(path string) (int64, error) {
	if a.Room != nil {
		return a.Room(path)
	}
	return machine.Room(path)
}

// requestResume has a paused guest resumed.
func (a *agent) requestResume() {
	select {
	case a.resumes <- struct{}{}:
	default: // requested already
	}
}

// identity is that of this process, for those who wait for its end.
func identity() (*process.Identity, error) {
	id, err := process.Identify(os.Getpid())
	return &id, err
}
