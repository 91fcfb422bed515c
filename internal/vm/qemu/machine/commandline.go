// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Config is one start of a machine.
type Config struct {
	Dir         vmdir.Dir
	Machine     vmdir.Machine
	Accelerator Accelerator
	CPUs        int
	Memory      int64 // bytes
	// SSHPort and OwnSSHPort on 127.0.0.1 lead to the guest's ports GuestSSHPort and GuestOwnSSHPort.
	SSHPort, GuestSSHPort       int
	OwnSSHPort, GuestOwnSSHPort int
	Shares                      share.Set
	// Disks are the files of additional disks. The guest finds the n-th by its serial, DiskSerial(n).
	Disks []string
	// TPM is the descriptor that connects QEMU to swtpm; 0: the machine has no TPM.
	TPM int
	// VNC is an argument of QEMU's -vnc; empty: the machine has no screen. Nobody is let in before a
	// password is set.
	VNC string
}

// DiskSerial is the serial of the n-th additional disk.
func DiskSerial(n int) string { return fmt.Sprintf("rdd-disk%d", n) }

// credentialPrefix is where systemd looks for its credentials in fw_cfg (systemd.exec(5)).
const credentialPrefix = "opt/io.systemd.credentials/rdd."

// Args returns QEMU's arguments.
func (p Program) Args(ctx context.Context, c Config) ([]string, error) {
	blocks, err := c.blockDevices()
	if err != nil {
		return nil, err
	}
	args := []string{
		"-name", "guest=" + c.Dir.Name(),
		"-uuid", c.Machine.UUID,
		"-nodefaults", "-no-user-config", "-display", "none",
		// A panic, or a guest that reboots, ends the machine: rdd decides what comes next.
		"-no-reboot",
		"-machine", c.machine(),
		"-accel", c.Accelerator.qemu(),
		"-cpu", c.Accelerator.CPU,
		"-smp", strconv.Itoa(c.CPUs),
		"-m", strconv.FormatInt(c.Memory>>20, 10) + "M",
		"-rtc", "base=utc",
		"-pidfile", c.Dir.QEMUPID(),
	}
	args = append(args, c.boot()...)
	args = append(args, blocks...)
	args = append(args, c.devices()...)
	args = append(args, c.shares()...)
	args = append(args, c.screen()...)
	args = append(args, c.tpm()...)
	args = append(args, c.control()...)
	if p.hasSandbox(ctx) {
		args = append(args, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
	}
	return args, nil
}

// machine names the hardware, with firmware in flash memory if there is any.
func (c Config) machine() string {
	machine := c.Machine.Type
	if options := c.arch().options; options != "" {
		machine += "," + options
	}
	if c.Machine.UEFI {
		machine += ",pflash0=firmware,pflash1=variables"
	}
	return machine
}

// arch is what the machine's architecture is to QEMU.
func (c Config) arch() architecture { return architectures[ArchOf(c.Machine)] }

// device is a virtio device on the architecture's bus, with properties.
func (c Config) device(name string, properties ...string) string {
	return strings.Join(append([]string{"virtio-" + name + "-" + c.arch().bus}, properties...), ",")
}

// boot loads the kernel directly and hands this machine's settings to systemd, or leaves both to
// what is on the disks.
func (c Config) boot() []string {
	image := c.Machine.Image
	switch {
	case image.Built():
		kernel := fmt.Sprintf("%s systemd.hostname=%s systemd.machine_id=%s", image.KernelArgs, c.Dir.Name(), c.Machine.ID)
		return []string{
			"-kernel", image.Kernel, "-initrd", image.Initrd, "-append", kernel,
			"-fw_cfg", "name=" + credentialPrefix + "boot,file=" + escape(c.Dir.BootScript()),
			"-fw_cfg", "name=" + credentialPrefix + "provision,file=" + escape(c.Dir.ProvisionScript()),
		}
	case image.Kernel == "" && c.Machine.Loader:
		return []string{"-kernel", c.Dir.Firmware()}
	case image.Kernel == "":
		return nil
	case image.Initrd == "":
		return []string{"-kernel", image.Kernel, "-append", image.KernelArgs}
	}
	return []string{"-kernel", image.Kernel, "-initrd", image.Initrd, "-append", image.KernelArgs}
}

// Node names of block devices.
const (
	diskNode     = "disk0"
	seedNode     = "seed"
	codeNode     = "firmware"
	variableNode = "variables"
)

// stopOnError has a write to any disk that fails on the host, for want of room, for a quota or
// whatever, stop the guest. It would take an error for a broken disk and lose data. The write is
// repeated when the guest goes on.
const stopOnError = "virtio-blk-device.werror=stop"

// blockDevices have node names, which saving the machine's state needs. The disk comes first: it is
// /dev/vda.
func (c Config) blockDevices() ([]string, error) {
	nodes := qcow2Nodes("file0", diskNode, c.Dir.Disk())
	devices := []string{"-device", c.device("blk", "drive="+diskNode)}
	if c.arch().bus == busCCW {
		devices = []string{"-device", c.device("blk", "drive="+diskNode, "bootindex=1")} // its firmware needs to be told
	}
	if !c.Machine.Image.Built() {
		nodes = append(nodes, rawNode(seedNode, c.Dir.Seed(), true))
		devices = append(devices, "-device", c.device("blk", "drive="+seedNode))
	}
	if c.Machine.UEFI {
		nodes = append(nodes, rawNode(codeNode, c.Dir.Firmware(), true), rawNode(variableNode, c.Dir.FirmwareVariables(), false))
	}
	for n, path := range c.Disks {
		file, node := fmt.Sprintf("more-file%d", n), fmt.Sprintf("more%d", n)
		nodes = append(nodes, qcow2Nodes(file, node, path)...)
		devices = append(devices, "-device", c.device("blk", "drive="+node, "serial="+DiskSerial(n)))
	}
	args := []string{"-global", stopOnError}
	for _, node := range nodes {
		data, err := json.Marshal(node)
		if err != nil {
			return nil, fmt.Errorf("describing the disk to QEMU: %w", err)
		}
		args = append(args, "-blockdev", string(data))
	}
	return append(args, devices...), nil
}

// qcow2Nodes describe a disk's file and the disk. What the guest discards is given back to the
// host.
func qcow2Nodes(file, disk, path string) []map[string]any {
	return []map[string]any{
		{"driver": "file", "node-name": file, "filename": path, "discard": "unmap"},
		{"driver": "qcow2", "node-name": disk, "file": file, "discard": "unmap", "detect-zeroes": "unmap"},
	}
}

// rawNode describes a raw file as a block device.
func rawNode(name, path string, readOnly bool) map[string]any {
	return map[string]any{
		"driver": "raw", "node-name": name, "read-only": readOnly,
		"file": map[string]any{"driver": "file", "filename": path, "read-only": readOnly},
	}
}

// devices are the network and the paravirtual devices that every machine has.
func (c Config) devices() []string {
	card := []string{"netdev=" + NetDevice}
	if c.arch().bus == busPCI {
		card = append(card, "romfile=")
	}
	return []string{
		"-netdev", c.network(),
		"-device", c.device("net", append(card, "mac="+c.Machine.MAC)...),
		"-object", "rng-random,id=rng0,filename=/dev/urandom",
		"-device", c.device("rng", "rng=rng0"),
		"-device", c.device("serial"),
		"-device", c.device("balloon", "free-page-reporting=on"),
	}
}

// network is QEMU's own, with the ways to the guest's ssh servers. Launched knows them by their
// order.
func (c Config) network() string {
	const forward = ",hostfwd=tcp:127.0.0.1:%d-:%d"
	return "user,id=" + NetDevice + fmt.Sprintf(forward, c.SSHPort, c.GuestSSHPort) +
		fmt.Sprintf(forward, c.OwnSSHPort, c.GuestOwnSSHPort)
}

// screen is a display with keyboard and mouse, served by VNC.
func (c Config) screen() []string {
	if c.VNC == "" {
		return nil
	}
	if c.arch().bus == busCCW {
		return []string{
			"-vnc", c.VNC + ",password=on",
			"-device", c.device("gpu"), "-device", c.device("keyboard"), "-device", c.device("tablet"),
		}
	}
	adapter := c.device("gpu")
	if strings.HasPrefix(c.Machine.Type, "pc-") {
		adapter = "virtio-vga" // which the firmware and boot loaders write to as well
	}
	return []string{
		"-vnc", c.VNC + ",password=on",
		"-device", adapter, "-device", "qemu-xhci,id=usb", "-device", "usb-kbd,bus=usb.0", "-device", "usb-tablet,bus=usb.0",
	}
}

// shares are served by QEMU itself, so they live as long as the guest. Files are the host user's,
// whoever in the guest makes them (security_model=none; root may give them away); inode numbers
// stay distinct where a share holds several file systems.
func (c Config) shares() []string {
	var args []string
	for _, s := range c.Shares {
		access := "readonly=on"
		if s.Writable {
			access = "readonly=off"
		}
		args = append(args,
			"-fsdev", fmt.Sprintf("local,id=%s,path=%s,security_model=none,multidevs=remap,%s", s.Tag, escape(s.Export), access),
			"-device", c.device("9p", "fsdev="+s.Tag, "mount_tag="+s.Tag))
	}
	return args
}

// control connects the serial console to a file, which is opened for appending so that it can be
// truncated, and the QMP monitor to a socket that QEMU listens on from the beginning.
func (c Config) control() []string {
	return []string{
		"-chardev", "file,id=serial0,append=on,path=" + escape(c.Dir.Serial()), "-serial", "chardev:serial0",
		"-chardev", "socket,id=qmp0,server=on,wait=off,path=" + escape(c.Dir.QMPSocket()), "-mon", "chardev=qmp0,mode=control",
	}
}

// escape keeps a comma in a path from ending the option's value.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }
