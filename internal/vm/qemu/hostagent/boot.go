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

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/qemu/seed"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// launchAttempts bounds how often QEMU is started: a port that was free may be taken when it
	// binds it.
	launchAttempts = 3
	launchTimeout  = 30 * time.Second
	// ownExecutable is this program even when its file has been replaced (proc(5)).
	ownExecutable = "/proc/self/exe"
)

// launchPlan is what stays the same for all attempts to start QEMU: all but the port.
type launchPlan struct {
	program     machine.Program
	accelerator machine.Accelerator
	template    *template.Template
	shares      share.Set
	disks       heldDisks
}

// boot prepares the disk, the mounts and the guest's scripts, and starts QEMU.
func (a *agent) boot(ctx context.Context) (m *machineProcess, err error) {
	t, err := guest.Template(a.Dir, a.record, a.start)
	if err != nil {
		return nil, err
	}
	program, err := machine.Find(a.record.Machine.Arch)
	if err != nil {
		return nil, err
	}
	a.state.step(vm.PhaseStarting, "choosing the accelerator", stepStart, steps)
	accelerator, err := a.accelerator(ctx, a.chooser(program), t)
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
	if a.record.Machine.UEFI || a.record.Machine.Loader {
		if err := machine.RepairFirmware(a.Dir, a.record.Machine); err != nil {
			return nil, err
		}
	}
	disks, err := a.holdDisks(t)
	if err != nil {
		return nil, err
	}
	defer func() { err = a.released(disks.release(), m, err) }()
	plan := launchPlan{program: program, accelerator: accelerator, template: t, shares: shares, disks: disks}
	m, err = a.launchAtFreePort(ctx, plan)
	if plan.accelerator, err = a.chooseAgain(ctx, plan, err); err == nil && m == nil {
		m, err = a.launchAtFreePort(ctx, plan)
	}
	return m, err
}

// launchAtFreePort starts QEMU, and again when its port was taken meanwhile.
func (a *agent) launchAtFreePort(ctx context.Context, plan launchPlan) (*machineProcess, error) {
	for attempt := 1; ; attempt++ {
		m, err := a.launch(ctx, plan)
		var taken *portTakenError
		if !errors.As(err, &taken) || attempt == launchAttempts {
			return m, err
		}
		a.Log.Warn("starting QEMU again", "error", err)
	}
}

// writeScripts writes the guest's scripts where QEMU takes them from: as credentials, or as a seed
// for cloud-init.
func (a *agent) writeScripts(t *template.Template, shares share.Set) error {
	if err := a.repairKeys(); err != nil {
		return err
	}
	keys, err := guest.ReadKeys(a.Dir.UserKey(), a.Dir.HostKey())
	if err != nil {
		return err
	}
	if err := a.protectKeys(); err != nil {
		return err
	}
	settings := guest.Settings{User: a.record.Machine.User, Keys: keys, Template: t, Shares: shares, Hosts: a.hosts(t)}
	if a.record.Machine.Image.Built() {
		settings.SSHPort = guest.SSHPort(true)
	}
	settings.Links = share.Links(t.Mounts, a.start.Host.Home)
	if m := a.record.Machine; !m.Image.Built() {
		return seed.Write(a.Dir.Seed(), seed.Config{
			Hostname: a.Dir.Name(), InstanceID: m.UUID, MAC: m.MAC, Boot: settings.Boot(), Provision: settings.Provision(), DNS: t.DNS,
		})
	}
	return errors.Join(
		atomicfile.Write(a.Dir.BootScript(), settings.Boot(), 0o600),
		atomicfile.Write(a.Dir.ProvisionScript(), settings.Provision(), 0o600),
	)
}

// repairKeys makes keys that are lost or damaged again. The guest gets them at each boot.
func (a *agent) repairKeys() error {
	for _, path := range []string{a.Dir.UserKey(), a.Dir.HostKey()} {
		repaired, err := guest.RepairKey(path, "rdd-"+a.Dir.Name())
		if err != nil {
			return err
		}
		if repaired {
			a.Log.Warn("an ssh key was lost or damaged, and is made again", "file", path)
		}
	}
	return nil
}

// hosts are the lines for the guest's /etc/hosts. Names that this host cannot look up are left out.
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

// hostForwarding is a part of QEMU's message about a port that it cannot bind (net/slirp.c).
const hostForwarding = "host forwarding"

// launch starts QEMU once and waits until it answers.
func (a *agent) launch(ctx context.Context, plan launchPlan) (*machineProcess, error) {
	ports, err := chooseSSHPorts(plan.template.SSH.LocalPort)
	if err != nil {
		return nil, err
	}
	if err := a.writeSSHFiles(ports, plan.template.SSH.ForwardAgent); err != nil {
		return nil, err
	}
	args, err := plan.program.Args(ctx, machine.Config{
		Dir: a.Dir, Machine: hardware(a.record.Machine, plan.template), Accelerator: plan.accelerator,
		CPUs: plan.template.CPUs, Memory: plan.template.Memory, Shares: plan.shares,
		Disks: plan.disks.paths, VNC: plan.template.Video.VNC.Display, TPM: plan.tpmDescriptor(),
		SSHPort: ports.shared, GuestSSHPort: guest.SSHPort(a.record.Machine.Image.Built()),
		OwnSSHPort: ports.own, GuestOwnSSHPort: guest.OwnSSHPort,
	})
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// Recorded before QEMU is started: a hostagent that adopts it needs both.
	a.state.update(func(run *vmdir.Run) {
		run.SSHPort, run.OwnSSHPort, run.Accelerator = ports.shared, ports.own, plan.accelerator.Name
	})
	a.state.step(vm.PhaseStarting, "starting QEMU", stepStart, steps)
	id, err := a.spawn(plan, args)
	if errors.Is(err, process.ErrGone) {
		return nil, a.launchFailure(ports) // it ended before it could be identified
	}
	if err != nil {
		return nil, err
	}
	a.state.update(func(run *vmdir.Run) { run.QEMU = &id })
	m := a.watch(id, plan.accelerator, plan.template)
	if err := a.awaitLaunch(m, ports); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// hardware is the machine's, as the template changes it: there is a BIOS on x86 only.
func hardware(m vmdir.Machine, t *template.Template) vmdir.Machine {
	if t.Firmware.LegacyBIOS && t.Arch == template.ArchX8664 {
		m.UEFI = false
	}
	return m
}

// spawn starts QEMU in a session of its own. QEMU inherits the lock, and those of its
// disks, and holds them until it ends.
func (a *agent) spawn(plan launchPlan, args []string) (process.Identity, error) {
	lock, err := vmdir.TryLock(a.Dir.QEMULock())
	if err != nil {
		return process.Identity{}, err
	}
	// A socket that exists is stale: the QEMU that listened on it held the lock.
	if err := atomicfile.Remove(a.Dir.QMPSocket()); err != nil {
		return process.Identity{}, errors.Join(err, lock.Unlock())
	}
	log, err := a.renewLogs()
	if err != nil {
		return process.Identity{}, errors.Join(err, lock.Unlock())
	}
	files := append([]*os.File{lock.File()}, plan.disks.files()...)
	if plan.template.TPM {
		tpm, err := a.startTPM(log)
		if err != nil {
			return process.Identity{}, errors.Join(err, log.Close(), lock.Unlock())
		}
		defer func() { _ = tpm.Close() }() // QEMU's copy is left
		files = append(files, tpm)
	}
	id, err := a.spawnShared(plan, process.Command{
		Path: plan.program.System, Args: args, Dir: string(a.Dir), Stdout: log, Stderr: log, Files: files,
	})
	return id, errors.Join(err, log.Close(), lock.Unlock())
}

// spawnShared starts QEMU as the machine's mounts need it.
func (a *agent) spawnShared(plan launchPlan, qemu process.Command) (process.Identity, error) {
	command, err := plan.shares.Command(ownExecutable, qemu)
	if err != nil {
		return process.Identity{}, err
	}
	id, _, err := process.StartDetached(command)
	if command.OwnFiles && !command.PrivateMounts && process.NamespaceRefused(err) {
		a.Log.Warn("the guest cannot change files in mounts whose modes forbid it, also where it has them open", "error", err)
		command.OwnFiles = false
		id, _, err = process.StartDetached(command)
	}
	if command.PrivateMounts {
		err = share.Explain(err)
	}
	return id, err
}

// awaitLaunch waits until QEMU answers, and returns why it does not. A port that was taken is
// a *portTakenError.
func (a *agent) awaitLaunch(m *machineProcess, ports sshPorts) error {
	timer := time.NewTimer(launchTimeout)
	defer timer.Stop()
	select {
	case <-m.connected:
		return nil
	case <-timer.C:
		slow := &vm.Fault{Kind: vm.FaultBoot, Text: fmt.Sprintf("QEMU has not answered within %s; %s", launchTimeout, a.logTails())}
		return errors.Join(slow, a.kill(m))
	case <-m.ended:
		return a.launchFailure(ports)
	}
}

// launchFailure says why a QEMU ended that had not answered yet, by its own messages.
func (a *agent) launchFailure(ports sshPorts) error {
	log := tail(a.Dir.QEMULog(), lastLines)
	if strings.Contains(log, hostForwarding) {
		return &portTakenError{port: ports.named(log), log: log}
	}
	return &vm.Fault{Kind: machine.KindOf(log, vm.FaultBoot), Output: log, Text: "QEMU did not start: " + log}
}
