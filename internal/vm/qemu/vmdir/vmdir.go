// SPDX-License-Identifier: Apache-2.0

// Package vmdir knows the instance directories of the qemu engine: the names of files, the records
// kept in them, and who writes which.
//
// Two locks show which processes are alive, without a gap and without trusting a PID. ha.lock is
// held by the hostagent, to which the engine that starts it hands the lock down. qemu.lock is held
// by QEMU itself, which inherits the open file. All writes replace the file, so readers need no
// lock. Who writes which:
//
//	rdd.json, lima.yaml   the engine, in calls that it serialises by the instance's name
//	start.json            the engine holding ha.lock, once for each start of the machine
//	run.json              whoever holds ha.lock: the engine before it hands the lock down and after
//	                      everything has ended, the hostagent whenever something changes
//
// WriteRun takes the lock as an argument.
//
// Any of the files may be damaged, by people or by a disk. The record is kept twice. Everything
// else is rebuilt from it, or made again, but the guest's disk. What is damaged is set apart
// (SetApart), not removed.
package vmdir

import (
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// Engine is the name of the engine in rdd.json.
const Engine = "qemu"

// Dir is an instance directory.
type Dir string

// In returns the directory of the instance name below limaHome.
func In(limaHome, name string) Dir { return Dir(filepath.Join(limaHome, name)) }

// Name of the instance.
func (d Dir) Name() string { return filepath.Base(string(d)) }

// These are Lima's file names, for people and tools that know Lima.

// Template is the Lima template for the next start.
func (d Dir) Template() string { return d.file("lima.yaml") }

// HostagentPID holds the hostagent's PID: a hint, never trusted.
func (d Dir) HostagentPID() string { return d.file("ha.pid") }

// HostagentSocket serves HTTP: see package protocol.
func (d Dir) HostagentSocket() string { return d.file("ha.sock") }

// HostagentStdout holds the hostagent's events as JSON lines.
func (d Dir) HostagentStdout() string { return d.file("ha.stdout.log") }

// HostagentStderr holds the hostagent's log.
func (d Dir) HostagentStderr() string { return d.file("ha.stderr.log") }

// QEMUPID holds QEMU's PID: a hint, never trusted.
func (d Dir) QEMUPID() string { return d.file("qemu.pid") }

// QMPSocket is QEMU's control socket.
func (d Dir) QMPSocket() string { return d.file("qmp.sock") }

// Serial is the guest's console output.
func (d Dir) Serial() string { return d.file("serial.log") }

// SSHConfig is an OpenSSH client configuration for the guest.
func (d Dir) SSHConfig() string { return d.file("ssh.config") }

// OwnSSHConfig is the same for the port that only rdd uses: see Run.OwnSSHPort.
func (d Dir) OwnSSHConfig() string { return d.file("rdd-ssh.config") }

// Disk is the guest's disk: an overlay on BaseDisk.
func (d Dir) Disk() string { return d.file(DiskName) }

// BaseDisk is the disk of the image that the machine was made of.
func (d Dir) BaseDisk() string { return d.file(BaseDiskName) }

// Kernel is the image's kernel, for one that has it beside the disk.
func (d Dir) Kernel() string { return d.file(KernelName) }

// Initrd is the image's initrd, likewise.
func (d Dir) Initrd() string { return d.file(InitrdName) }

// Files that Lima does not have.

// RecordFile marks the directory as rdd's.
func (d Dir) RecordFile() string { return d.file("rdd.json") }

// RecordCopy has the same text as RecordFile, which is read from it when that is damaged.
func (d Dir) RecordCopy() string { return d.file("rdd.json.bak") }

// StartFile says what the machine was started with.
func (d Dir) StartFile() string { return d.file("start.json") }

// RunFile holds the state of the machine as its hostagent has recorded it.
func (d Dir) RunFile() string { return d.file("run.json") }

// Created exists when the directory is complete.
func (d Dir) Created() string { return d.file("created") }

// HostagentLock is held by the hostagent, from before it is started until it ends.
func (d Dir) HostagentLock() string { return d.file("ha.lock") }

// QEMULock is held by QEMU.
func (d Dir) QEMULock() string { return d.file("qemu.lock") }

// WorkLock is held by the daemon that creates or deletes the instance.
func (d Dir) WorkLock() string { return d.file("work.lock") }

// UserKey is the private key that logs in to the guest; with .pub, its public half.
func (d Dir) UserKey() string { return d.file("user") }

// HostKey is the guest's ssh host key; with .pub, its public half.
func (d Dir) HostKey() string { return d.file("hostkey") }

// KnownHosts pins the guest's host key.
func (d Dir) KnownHosts() string { return d.file("known_hosts") }

// BootScript is the credential rdd.boot.
func (d Dir) BootScript() string { return d.file("boot.sh") }

// ProvisionScript is the credential rdd.provision.
func (d Dir) ProvisionScript() string { return d.file("provision.sh") }

// Seed is the disk that cloud-init reads, in images that rdd did not build.
func (d Dir) Seed() string { return d.file("cidata.iso") }

// Firmware is the machine's UEFI firmware.
func (d Dir) Firmware() string { return d.file("firmware.fd") }

// FirmwareVariables are what the firmware remembers, such as boot entries.
func (d Dir) FirmwareVariables() string { return d.file("firmware-vars.fd") }

// TPM holds the state of the machine's TPM, which swtpm writes.
func (d Dir) TPM() string { return d.file("tpm") }

// Views holds the mount points of views in QEMU's mount namespace; on the host they are empty.
func (d Dir) Views() string { return d.file("views") }

// ShellSocket is where a hostagent relays sessions to the guest: see sshx.Relay.
func (d Dir) ShellSocket() string { return d.file("shell.sock") }

// VNCDisplay holds the address at which VNC clients on the host see the guest's screen.
func (d Dir) VNCDisplay() string { return d.file("vncdisplay") }

// VNCPassword holds the password for VNCDisplay, which differs for each start.
func (d Dir) VNCPassword() string { return d.file("vncpassword") }

// QEMULog is QEMU's own output.
func (d Dir) QEMULog() string { return d.file("qemu.log") }

func (d Dir) file(name string) string { return filepath.Join(string(d), name) }

// Record is rdd.json.
type Record struct {
	// Engine that made the directory.
	Engine string `json:"engine"`
	// OwnerUID is the host user who made it.
	OwnerUID int `json:"ownerUID"`
	// Version of the rdd that made it.
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	// Owner is the API object it belongs to.
	Owner vm.Owner `json:"owner"`
	// Incarnation of the vm.Spec it was created from.
	Incarnation string `json:"incarnation,omitempty"`
	Spec        Spec   `json:"spec"`
	// Machine is fixed once the directory is complete, but for where the files of its image are.
	Machine Machine `json:"machine"`
}

// Spec is the vm.Spec on disk. The template itself is in lima.yaml. Its hash shows a crash between
// the two writes, and an edit by hand.
type Spec struct {
	Revision     string            `json:"revision"`
	TemplateHash string            `json:"templateHash"`
	Params       map[string]string `json:"params,omitempty"`
}

// Machine is what stays the same over all starts: the guest must not find other hardware.
type Machine struct {
	UUID string `json:"uuid"`
	// ID is the guest's systemd machine id.
	ID string `json:"id"`
	// Type is QEMU's versioned machine type.
	Type string `json:"type"`
	// CPU model for Accelerator; another accelerator takes its own default.
	CPU         string `json:"cpu"`
	Accelerator string `json:"accelerator"`
	MAC         string `json:"mac"`
	User        User   `json:"user"`
	Image       Image  `json:"image"`
	// Arch of the guest, in Lima's spelling; empty in records of older rdd: the host's.
	Arch string `json:"arch,omitempty"`
	// UEFI says that the firmware in the directory starts the image's boot loader. Otherwise QEMU's
	// own firmware does, or there is a kernel.
	UEFI bool `json:"uefi,omitempty"`
	// Loader says that the firmware in the directory is U-Boot, which QEMU's own firmware starts.
	Loader bool `json:"loader,omitempty"`
	// Trial is the kernel by which an accelerator is tried; empty: the image's.
	Trial Trial `json:"trial,omitzero"`
}

// Trial is a kernel with an initrd that holds /bin/busybox.
type Trial struct {
	Kernel string `json:"kernel"`
	Initrd string `json:"initrd"`
}

// TrialKernel returns the kernel by which an accelerator is tried; none when its Kernel is empty.
func (m Machine) TrialKernel() Trial {
	if m.Image.Built() {
		return Trial{Kernel: m.Image.Kernel, Initrd: m.Image.Initrd}
	}
	return m.Trial
}

// User is an account on the host or in the guest.
type User struct {
	Name string `json:"name"`
	UID  int    `json:"uid"`
	Home string `json:"home"`
}

// Start is start.json: what the machine was started with. A hostagent that adopts the machine uses
// it, whatever lima.yaml says by then.
type Start struct {
	ID       string            `json:"id"`
	Revision string            `json:"revision"`
	Template string            `json:"template"`
	Params   map[string]string `json:"params,omitempty"`
	// Host is the host's user, for the template's expressions.
	Host User `json:"host"`
	// Proxies are the host's proxy variables, where the template takes them over.
	Proxies map[string]string `json:"proxies,omitempty"`
}

// Run is run.json: the state of the machine of StartID, as its hostagent has recorded it. It counts
// only together with the locks: when nobody holds one, nothing runs, whatever Phase says.
type Run struct {
	StartID  string      `json:"startID"`
	Revision string      `json:"revision"`
	Phase    vm.Phase    `json:"phase"`
	Progress vm.Progress `json:"progress"`
	StopMode vm.StopMode `json:"stopMode,omitempty"`
	BootID   string      `json:"bootID,omitempty"`
	SSHPort  int         `json:"sshPort,omitempty"`
	// OwnSSHPort leads to the sshd that only rdd uses; 0 for a machine that an older rdd has started.
	OwnSSHPort  int    `json:"ownSSHPort,omitempty"`
	Accelerator string `json:"accelerator,omitempty"`
	// Message is the template's message for people once the machine runs.
	Message string `json:"message,omitempty"`
	// Forwards are the ways from the host into the guest, those that fail included.
	Forwards []vm.Forward `json:"forwards,omitempty"`
	// Pause is why the guest does not run although QEMU does.
	Pause *vm.Pause `json:"pause,omitempty"`
	// FailedUnits of the guest.
	FailedUnits []vm.FailedUnit `json:"failedUnits,omitempty"`
	// WasRunning tells a machine that ended by itself from one that never came up.
	WasRunning bool              `json:"wasRunning,omitempty"`
	Hostagent  *process.Identity `json:"hostagent,omitempty"`
	QEMU       *process.Identity `json:"qemu,omitempty"`
	// TPM is the swtpm that serves QEMU, or has served the one before it.
	TPM *process.Identity `json:"tpm,omitempty"`
	// End is how it ended; nil as long as it has not, or when its hostagent was killed and could
	// not record it.
	End *End `json:"end,omitempty"`
}
