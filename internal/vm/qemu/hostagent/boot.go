// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/portalloc"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/seed"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// launchAttempts: a port that was free may be taken when QEMU binds it.
	launchAttempts = 3
	launchTimeout  = 30 * time.Second
	// ownExecutable is this program even when its file has been replaced (proc(5)).
	ownExecutable = "/proc/self/exe"
)

// launchPlan is what QEMU is started with, whatever port is free.
type launchPlan struct {
	program     machine.Program
	accelerator machine.Accelerator
	template    *template.Template
	shares      share.Set
}

// boot starts QEMU.
func (a *agent) boot(ctx context.Context) (*machineProcess, error) {
	t, err := guest.Template(a.Dir, a.record, a.start)
	if err != nil {
		return nil, err
	}
	program, err := machine.Find()
	if err != nil {
		return nil, err
	}
	accelerator, err := a.chooseAccelerator(ctx, program)
	if err != nil {
		return nil, err
	}
	if err := program.GrowDisk(ctx, a.Dir.Disk(), t.Disk); err != nil {
		return nil, err
	}
	shares, err := share.Prepare(t.Mounts, a.Private, a.Dir.Views())
	if err != nil {
		return nil, err
	}
	if err := a.writeScripts(t, shares); err != nil {
		return nil, err
	}
	plan := launchPlan{program: program, accelerator: accelerator, template: t, shares: shares}
	for attempt := 1; ; attempt++ {
		m, err := a.launch(ctx, plan)
		var taken *portTakenError
		if !errors.As(err, &taken) || attempt == launchAttempts {
			return m, err
		}
		a.Log.Warn("starting QEMU again", "error", err)
	}
}

// chooseAccelerator keeps the CPU model that the machine was made with.
func (a *agent) chooseAccelerator(ctx context.Context, program machine.Program) (machine.Accelerator, error) {
	a.state.step(vm.PhaseStarting, "choosing the accelerator", stepStart, steps)
	trial := a.record.Machine.TrialKernel()
	accelerator, err := machine.Chooser{
		Program: program, Override: a.Accelerator, Kernel: trial.Kernel, Initrd: trial.Initrd, CacheDir: a.CacheDir, Log: a.Log,
	}.Choose(ctx)
	if err == nil && accelerator.Name == a.record.Machine.Accelerator {
		accelerator.CPU = a.record.Machine.CPU
	}
	return accelerator, err
}

func (a *agent) writeScripts(t *template.Template, shares share.Set) error {
	keys, err := guest.ReadKeys(a.Dir.UserKey(), a.Dir.HostKey())
	if err != nil {
		return err
	}
	settings := guest.Settings{User: a.record.Machine.User, Keys: keys, Template: t, Shares: shares, Hosts: a.hosts(t)}
	if m := a.record.Machine; !m.Image.Built() {
		return seed.Write(a.Dir.Seed(), seed.Config{
			Hostname: a.Dir.Name(), InstanceID: m.UUID, MAC: m.MAC, Boot: settings.Boot(), Provision: settings.Provision(),
		})
	}
	return errors.Join(
		atomicfile.Write(a.Dir.BootScript(), settings.Boot(), 0o600),
		atomicfile.Write(a.Dir.ProvisionScript(), settings.Provision(), 0o600),
	)
}

// hosts are the names that the guest is to know. One that this host does not know either is left
// out.
func (a *agent) hosts(t *template.Template) string {
	lookup := func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	}
	lines, err := guest.Hosts(context.Background(), t.HostResolver.Hosts, lookup)
	if err != nil {
		a.Log.Warn("looking up names for the guest", "error", err)
	}
	return lines
}

// portTakenError says that QEMU could not bind the port for ssh.
type portTakenError struct {
	port int
	log  string
}

func (e *portTakenError) Error() string {
	return fmt.Sprintf("port %d for ssh was taken meanwhile: %s", e.port, e.log)
}

// Fault returns the error as a value: see vm.FaultOf.
func (e *portTakenError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultPort, Output: e.log} }

// hostForwarding is in what QEMU's user-mode network (net/slirp.c) says of a port that it cannot
// bind.
const hostForwarding = "host forwarding"

// launch starts QEMU once and waits until it answers.
func (a *agent) launch(ctx context.Context, plan launchPlan) (*machineProcess, error) {
	port, err := portalloc.Free(plan.template.SSH.LocalPort)
	if err != nil {
		return nil, err
	}
	if err := a.writeSSHFiles(port); err != nil {
		return nil, err
	}
	args, err := plan.program.Args(ctx, machine.Config{
		Dir: a.Dir, Machine: a.record.Machine, Accelerator: plan.accelerator,
		CPUs: plan.template.CPUs, Memory: plan.template.Memory, SSHPort: port, Shares: plan.shares,
	})
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// Before QEMU lives: whoever adopts it has to know.
	a.state.update(func(run *vmdir.Run) { run.SSHPort, run.Accelerator = port, plan.accelerator.Name })
	a.state.step(vm.PhaseStarting, "starting QEMU", stepStart, steps)
	id, err := a.spawn(plan.shares, plan.program.System, args)
	if err != nil {
		return nil, err
	}
	a.state.update(func(run *vmdir.Run) { run.QEMU = &id })
	m := a.watch(id, plan.accelerator, plan.template)
	if err := a.awaitLaunch(m, port); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// spawn starts QEMU in a session of its own. It inherits the lock, which it then holds until it
// ends.
func (a *agent) spawn(shares share.Set, path string, args []string) (process.Identity, error) {
	lock, err := flock.Try(a.Dir.QEMULock())
	if err != nil {
		return process.Identity{}, err
	}
	// Nobody listens on a socket that is there: whoever did held the lock.
	if err := atomicfile.Remove(a.Dir.QMPSocket()); err != nil {
		return process.Identity{}, errors.Join(err, lock.Unlock())
	}
	log, err := os.OpenFile(a.Dir.QEMULog(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return process.Identity{}, errors.Join(err, lock.Unlock())
	}
	command, err := shares.Command(ownExecutable, process.Command{
		Path: path, Args: args, Dir: string(a.Dir), Stdout: log, Stderr: log, Files: []*os.File{lock.File()},
	})
	if err != nil {
		return process.Identity{}, errors.Join(err, log.Close(), lock.Unlock())
	}
	id, _, err := process.StartDetached(command)
	if command.PrivateMounts {
		err = share.Explain(err)
	}
	return id, errors.Join(err, log.Close(), lock.Unlock())
}

func (a *agent) awaitLaunch(m *machineProcess, port int) error {
	timer := time.NewTimer(launchTimeout)
	defer timer.Stop()
	select {
	case <-m.connected:
		return nil
	case <-timer.C:
		slow := &vm.Fault{Kind: vm.FaultBoot, Text: fmt.Sprintf("QEMU has not answered within %s; %s", launchTimeout, a.lastWords())}
		return errors.Join(slow, a.kill(m))
	case <-m.ended:
	}
	log := tail(a.Dir.QEMULog(), lastLines)
	if strings.Contains(log, hostForwarding) {
		return &portTakenError{port: port, log: log}
	}
	return &vm.Fault{Kind: vm.FaultBoot, Output: log, Text: "QEMU did not start: " + log}
}

// writeSSHFiles makes the guest reachable for sshx and for OpenSSH at a port.
func (a *agent) writeSSHFiles(port int) error {
	known, err := guest.KnownHosts(a.Dir.HostKey(), port)
	if err != nil {
		return err
	}
	config, err := a.sshConfig(port).Format(a.Dir.Name())
	if err != nil {
		return err
	}
	return errors.Join(
		atomicfile.Write(a.Dir.KnownHosts(), known, 0o600),
		atomicfile.Write(a.Dir.SSHConfig(), config, 0o600),
	)
}

func (a *agent) sshConfig(port int) sshx.Config {
	return sshx.Config{
		Address: fmt.Sprintf("127.0.0.1:%d", port), User: a.record.Machine.User.Name,
		PrivateKeyFile: a.Dir.UserKey(), KnownHostsFile: a.Dir.KnownHosts(),
	}
}

// dial logs in to the guest as it runs now.
func (a *agent) dial(ctx context.Context) (*ssh.Client, error) {
	return sshx.Dial(ctx, a.sshConfig(a.state.get().SSHPort))
}
