// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// tcg is how guests of this host's architecture are emulated.
var tcg = emulation("")

// fakeQEMU is a program that answers as QEMU does when it is asked what it can.
func fakeQEMU(t *testing.T, help string) Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "qemu")
	script := "#!/bin/sh\ncase \"$1\" in\n-version) echo 'QEMU emulator version 9.9' ;;\n" +
		"-help) printf '\\n-sandbox on\\n' ;;\n*) cat <<'X'\n" + help + "\nX\n;;\nesac\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Program{System: path, Image: path}
}

func TestMachineType(t *testing.T) {
	const x86 = "pc                   Standard PC (alias of pc-i440fx-7.2)\n" +
		"q35                  Standard PC (Q35 + ICH9, 2009) (alias of pc-q35-7.2)\npc-q35-7.2           Standard"
	for _, tc := range []struct{ arch, help, want string }{
		{template.ArchX8664, x86, "pc-q35-7.2"},
		{template.ArchAArch64, "virt                 QEMU 9.1 ARM Virtual Machine (alias of virt-9.1)", "virt-9.1"},
		{template.ArchARMv7L, "virt-9.1 x\nvirt                 QEMU 9.1 ARM Virtual Machine (alias of virt-9.1)", "virt-9.1"},
		{template.ArchPPC64LE, "powernv x (alias of powernv9)\npseries pSeries (PAPR compliant) (alias of pseries-7.2)", "pseries-7.2"},
		{template.ArchS390X, "s390-ccw-virtio Virtual s390x machine (version 7.2) (alias of s390-ccw-virtio-7.2)", "s390-ccw-virtio-7.2"},
		{template.ArchRISCV64, "virt                 RISC-V VirtIO board", "virt"},
		{template.ArchRISCV64, "virt                 RISC-V VirtIO board (alias of virt-99.0)", "virt-99.0"},
		{template.ArchX8664, "none                 empty machine", ""},
		{template.ArchX8664, "q35                  Standard PC (Q35 + ICH9, 2009)", ""},
		{template.ArchAArch64, x86, ""},
	} {
		program := fakeQEMU(t, tc.help)
		program.Arch = tc.arch
		got, err := program.MachineType(t.Context())
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s: got %q, %v; want %q", tc.arch, got, err, tc.want)
		}
	}
}

func config(dir string) Config {
	return Config{
		Dir: vmdir.Dir(dir), CPUs: 2, Memory: 2 << 30, Accelerator: tcg,
		SSHPort: 2222, GuestSSHPort: 22, OwnSSHPort: 2223, GuestOwnSSHPort: 65023,
		Machine: vmdir.Machine{
			UUID: "the-uuid", ID: "0123", Type: "pc-q35-7.2", MAC: "52:54:00:01:02:03",
			Image: vmdir.Image{Kernel: "/k", Initrd: "/i", KernelArgs: "root=/dev/vda"},
		},
	}
}

func TestArgs(t *testing.T) {
	args, err := fakeQEMU(t, "").Args(t.Context(), config("/lima/my,vm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{
		{"-uuid", "the-uuid"},
		{"-machine", "pc-q35-7.2,vmport=off"},
		{"-accel", "tcg,thread=multi"},
		{"-smp", "2"},
		{"-m", "2048M"},
		{"-append", "root=/dev/vda systemd.hostname=my,vm systemd.machine_id=0123"},
		{"-fw_cfg", "name=opt/io.systemd.credentials/rdd.boot,file=/lima/my,,vm/boot.sh"},
		{"-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:2223-:65023"},
		{"-device", "virtio-blk-pci,drive=disk0"},
		{"-global", "virtio-blk-device.werror=stop"},
		{"-chardev", "socket,id=qmp0,server=on,wait=off,path=/lima/my,,vm/qmp.sock"},
		{"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"},
	} {
		if !slices.ContainsFunc(positions(args), func(i int) bool { return args[i] == want[0] && args[i+1] == want[1] }) {
			t.Errorf("no %q in %q", want, args)
		}
	}
	if slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, "PRIVATE KEY") }) {
		t.Error("a secret is in the arguments")
	}
}

// A path may hold what QEMU's options give a meaning.
func TestArgsShares(t *testing.T) {
	c := config("/lima/vm")
	c.Shares = share.Set{
		{Tag: "mount1", Export: "/a,b c/ü", Writable: true},
		{Tag: "mount0", Export: "/home/me,readonly=off"},
	}
	args, err := fakeQEMU(t, "").Args(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{
		{"-fsdev", "local,id=mount1,path=/a,,b c/ü,security_model=none,multidevs=remap,readonly=off"},
		{"-device", "virtio-9p-pci,fsdev=mount1,mount_tag=mount1"},
		{"-fsdev", "local,id=mount0,path=/home/me,,readonly=off,security_model=none,multidevs=remap,readonly=on"},
		{"-device", "virtio-9p-pci,fsdev=mount0,mount_tag=mount0"},
	} {
		if !slices.ContainsFunc(positions(args), func(i int) bool { return args[i] == want[0] && args[i+1] == want[1] }) {
			t.Errorf("no %q in %q", want, args)
		}
	}
}

func positions(args []string) []int {
	all := make([]int, 0, len(args))
	for i := range len(args) - 1 {
		all = append(all, i)
	}
	return all
}

func TestArgsNodesAreJSON(t *testing.T) {
	args, err := fakeQEMU(t, "").Args(t.Context(), config(`/lima/a"b,c`))
	if err != nil {
		t.Fatal(err)
	}
	var nodes []string
	for i, arg := range args {
		if arg != "-blockdev" {
			continue
		}
		var node map[string]any
		if err := json.Unmarshal([]byte(args[i+1]), &node); err != nil {
			t.Fatalf("%s: %v", args[i+1], err)
		}
		nodes = append(nodes, node["node-name"].(string))
	}
	if strings.Join(nodes, " ") != "file0 disk0" {
		t.Errorf("nodes %v", nodes)
	}
}

func TestDisk(t *testing.T) {
	program, err := Find("")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir := t.TempDir()
	base, disk := filepath.Join(dir, "base"), filepath.Join(dir, "disk")
	for _, path := range []string{base, disk} {
		if _, err := image.DiskSize(path, image.FormatQCOW2); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("size of what is not there: %v", err)
		}
	}
	createEmpty(t, program, base, "3G")
	if err := program.CreateDisk(t.Context(), disk, filepath.Base(base), "qcow2", 1<<30); err != nil {
		t.Fatal(err)
	}
	if size, err := image.DiskSize(disk, image.FormatQCOW2); err != nil || size != 3<<30 {
		t.Errorf("an overlay smaller than its image: %d, %v", size, err)
	}
	for _, step := range []struct{ size, want int64 }{{5 << 30, 5 << 30}, {4 << 30, 5 << 30}} {
		if err := program.GrowDisk(t.Context(), disk, step.size); err != nil {
			t.Fatal(err)
		}
		if size, err := image.DiskSize(disk, image.FormatQCOW2); err != nil || size != step.want {
			t.Errorf("grown to %d: %d, %v", step.size, size, err)
		}
	}
	if info, err := os.Stat(disk); err != nil || info.Size() > 1<<20 {
		t.Errorf("the disk is not sparse: %v, %v", info.Size(), err)
	}
	if err := os.WriteFile(disk, make([]byte, 64), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := image.DiskSize(disk, image.FormatQCOW2); err == nil || !strings.Contains(err.Error(), disk) {
		t.Errorf("no qcow2: %v", err)
	}
}

// The directory of a machine may be moved: its disk names what it is made of without a path.
func TestRebase(t *testing.T) {
	program, err := Find("")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "before")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	base, disk := filepath.Join(dir, "basedisk"), filepath.Join(dir, "disk")
	createEmpty(t, program, base, "1M")
	older := filepath.Join(t.TempDir(), "disk.qcow2")
	if err := os.Link(base, older); err != nil {
		t.Fatal(err)
	}
	if err := program.runImage(t.Context(), "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", older, disk); err != nil {
		t.Fatal(err)
	}
	if name, err := image.BackingFile(disk); err != nil || name != older {
		t.Errorf("the disk refers to %q, %v", name, err)
	}
	for range 2 {
		if err := program.Rebase(t.Context(), disk, "basedisk", "qcow2"); err != nil {
			t.Fatal(err)
		}
		if name, err := image.BackingFile(disk); err != nil || name != "basedisk" {
			t.Errorf("the disk refers to %q, %v", name, err)
		}
	}
	moved := filepath.Join(filepath.Dir(dir), "after")
	if err := errors.Join(os.Remove(older), os.Rename(dir, moved)); err != nil {
		t.Fatal(err)
	}
	if err := program.runImage(t.Context(), "info", "--backing-chain", filepath.Join(moved, "disk")); err != nil {
		t.Error(err)
	}
}

func createEmpty(t *testing.T, p Program, path, size string) {
	t.Helper()
	if err := p.runImage(t.Context(), "create", "-q", "-f", "qcow2", path, size); err != nil {
		t.Fatal(err)
	}
}

func TestChoose(t *testing.T) {
	if err := kvmUsable(); err != nil {
		t.Skipf("SKIPPED: /dev/kvm cannot be opened: %v", err)
	}
	works := probeResult{works: true, reason: "works"}
	hangs := probeResult{hung: true, reason: "hangs"}
	refused := probeResult{reason: "refused"}
	for _, tc := range []struct {
		name    string
		results []probeResult
		want    Accelerator
	}{
		{"the first model works", []probeResult{works}, kvmModels[0]},
		{"a model that QEMU refuses is skipped", []probeResult{refused, works}, kvmModels[1]},
		{"a guest that hangs decides", []probeResult{hangs, works}, tcg},
		{"all are refused", []probeResult{refused, refused}, tcg},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tries := 0
			c := Chooser{
				Program: fakeQEMU(t, ""), Kernel: os.Args[0], Initrd: os.Args[0], CacheDir: filepath.Join(t.TempDir(), "new"),
				Log: slog.New(slog.DiscardHandler),
				probe: func(context.Context, Accelerator) (probeResult, error) {
					tries++
					return tc.results[tries-1], nil
				},
			}
			for range 2 {
				if got, err := c.Choose(t.Context()); err != nil || got != tc.want {
					t.Fatalf("got %v, %v; want %v", got, err, tc.want)
				}
			}
			if want := min(len(tc.results), tries); tries != want {
				t.Errorf("%d tries", tries)
			}
			first := tries
			if err := os.WriteFile(c.file(), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			tries = 0
			if _, err := c.Choose(t.Context()); err != nil || tries != first {
				t.Errorf("after the cache was damaged: %d tries, %v", tries, err)
			}
		})
	}
}

func TestChooseFailedProbeIsNotCached(t *testing.T) {
	if err := kvmUsable(); err != nil {
		t.Skipf("SKIPPED: /dev/kvm cannot be opened: %v", err)
	}
	c := Chooser{
		Program: fakeQEMU(t, ""), Kernel: os.Args[0], Initrd: os.Args[0], CacheDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		probe: func(context.Context, Accelerator) (probeResult, error) { return probeResult{}, context.Canceled },
	}
	if _, err := c.Choose(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(c.file()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was cached: %v", err)
	}
}

func TestOverride(t *testing.T) {
	for override, want := range map[string]Accelerator{TCG: tcg, KVM: kvmModels[0]} {
		if got, err := (Chooser{Override: override}).Choose(t.Context()); err != nil || got != want {
			t.Errorf("%s: %v, %v", override, got, err)
		}
	}
	for value, ok := range map[string]bool{"": true, "auto": true, "kvm": true, "tcg": true, "hvf": false, "KVM": false} {
		if err := ParseOverride(value); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestWatcher(t *testing.T) {
	for _, tc := range []struct {
		output string
		want   bool
	}{
		{"noise\r\n" + liveMarker + "\r\n", true},
		{liveMarker, true},
		{"[ 0.0] Command line: echo " + liveMarker + "\n", false},
		{strings.Repeat("x", 10000) + liveMarker, false},
		{"", false},
	} {
		w := &watcher{marker: []byte(liveMarker), found: func() {}}
		for i := range len(tc.output) {
			if _, err := w.Write([]byte{tc.output[i]}); err != nil {
				t.Fatal(err)
			}
		}
		if w.seen != tc.want {
			t.Errorf("%.60q: %v", tc.output, w.seen)
		}
	}
}
