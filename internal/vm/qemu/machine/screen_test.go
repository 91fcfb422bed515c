// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"strings"
	"testing"
)

func TestArgsScreen(t *testing.T) {
	for _, tt := range []struct{ vnc, machineType, want string }{
		{"", "pc-q35-7.2", ""},
		{"127.0.0.1:0,to=9", "pc-q35-7.2", "-vnc 127.0.0.1:0,to=9,password=on -device virtio-vga -device qemu-xhci,id=usb"},
		{"127.0.0.1:0", "virt-7.2", "-vnc 127.0.0.1:0,password=on -device virtio-gpu-pci -device qemu-xhci,id=usb"},
	} {
		c := config("/lima/vm")
		c.VNC, c.Machine.Type = tt.vnc, tt.machineType
		args, err := fakeQEMU(t, "").Args(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(args, " ")
		if !strings.Contains(got, tt.want) || strings.Contains(got, "-vnc") != (tt.vnc != "") {
			t.Errorf("%+v: got %s", tt, got)
		}
	}
}

// TestArgsDisks: the machine's own disk stays the first.
func TestArgsDisks(t *testing.T) {
	c := config("/lima/vm")
	c.Disks = []string{"/d/_disks/a.qcow2", "/d/_disks/b,c.qcow2"}
	args, err := fakeQEMU(t, "").Args(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(args, " ")
	for _, want := range []string{
		`"filename":"/d/_disks/b,c.qcow2","node-name":"more-file1"`,
		"virtio-blk-pci,drive=more0,serial=rdd-disk0 -device virtio-blk-pci,drive=more1,serial=rdd-disk1",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if strings.Index(got, "drive=disk0") > strings.Index(got, "drive=more0") {
		t.Error("the machine's own disk is not the first")
	}
}
