// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Config is one start of a machine.
type Config struct {
	Dir         vmdir.Dir
	Machine     vmdir.Machine
	Accelerator Accelerator
	CPUs        int
	Memory      int64 // bytes
	SSHPort     int   // on 127.0.0.1
}

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
		"-machine", c.Machine.Type + ",vmport=off",
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
	args = append(args, c.control()...)
	if p.hasSandbox(ctx) {
		args = append(args, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")
	}
	return args, nil
}

// boot loads the kernel directly, and hands this machine's settings to systemd.
func (c Config) boot() []string {
	image := c.Machine.Image
	kernel := fmt.Sprintf("%s systemd.hostname=%s systemd.machine_id=%s", image.KernelArgs, c.Dir.Name(), c.Machine.ID)
	return []string{
		"-kernel", image.Kernel, "-initrd", image.Initrd, "-append", kernel,
		"-fw_cfg", "name=" + credentialPrefix + "boot,file=" + escape(c.Dir.BootScript()),
		"-fw_cfg", "name=" + credentialPrefix + "provision,file=" + escape(c.Dir.ProvisionScript()),
	}
}

// blockDevices have node names, which saving the machine's state needs.
func (c Config) blockDevices() ([]string, error) {
	var args []string
	for _, node := range []map[string]any{
		{"driver": "file", "node-name": "file0", "filename": c.Dir.Disk(), "discard": "unmap"},
		{"driver": "qcow2", "node-name": "disk0", "file": "file0", "discard": "unmap", "detect-zeroes": "unmap"},
	} {
		data, err := json.Marshal(node)
		if err != nil {
			return nil, fmt.Errorf("describing the disk to QEMU: %w", err)
		}
		args = append(args, "-blockdev", string(data))
	}
	return append(args, "-device", "virtio-blk-pci,drive=disk0"), nil
}

func (c Config) devices() []string {
	return []string{
		"-netdev", fmt.Sprintf("user,id=net0,hostfwd=tcp:127.0.0.1:%d-:22", c.SSHPort),
		"-device", "virtio-net-pci,netdev=net0,romfile=,mac=" + c.Machine.MAC,
		"-object", "rng-random,id=rng0,filename=/dev/urandom",
		"-device", "virtio-rng-pci,rng=rng0",
		"-device", "virtio-serial-pci",
		"-device", "virtio-balloon-pci,free-page-reporting=on",
	}
}

func (c Config) control() []string {
	return []string{
		"-chardev", "file,id=serial0,path=" + escape(c.Dir.Serial()), "-serial", "chardev:serial0",
		"-chardev", "socket,id=qmp0,server=on,wait=off,path=" + escape(c.Dir.QMPSocket()), "-mon", "chardev=qmp0,mode=control",
	}
}

// escape keeps a comma in a path from ending the option's value.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }
