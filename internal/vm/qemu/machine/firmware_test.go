// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFindFirmware(t *testing.T) {
	for arch, a := range architectures {
		for _, place := range a.firmware.places {
			root := t.TempDir()
			write(t, filepath.Join(root, place.Code), "code")
			if !place.Loader() {
				if found, _ := findFirmware(arch, root); found != nil {
					t.Errorf("%s: code without variables: found %v", arch, found)
				}
				write(t, filepath.Join(root, place.Variables), "variables")
			}
			found, err := findFirmware(arch, root)
			if err != nil || found == nil || found.Code != filepath.Join(root, place.Code) {
				t.Errorf("%s: found %v, %v; want %s", arch, found, err, place.Code)
			}
		}
	}
	for _, arch := range []string{template.ArchX8664, template.ArchPPC64LE, template.ArchS390X} {
		if found, err := findFirmware(arch, t.TempDir()); found != nil || err != nil {
			t.Errorf("%s without: %v, %v; QEMU has one", arch, found, err)
		}
	}
	for arch, name := range map[string]string{
		template.ArchAArch64: "qemu-efi-aarch64", template.ArchARMv7L: "qemu-efi-arm", template.ArchRISCV64: "u-boot-qemu",
	} {
		var host *vm.HostError
		if found, err := findFirmware(arch, t.TempDir()); found != nil || !errors.As(err, &host) || !strings.Contains(host.Hint, name) {
			t.Errorf("%s without: %v, %v", arch, found, err)
		}
	}
}

// TestRepairLoader: U-Boot keeps no variables in a file.
func TestRepairLoader(t *testing.T) {
	dir, host := vmdir.Dir(t.TempDir()), filepath.Join(t.TempDir(), "u-boot.bin")
	write(t, host, "u-boot")
	f := Firmware{Code: host}
	if err := f.Install(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir.FirmwareVariables()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("variables: %v", err)
	}
	if err := RepairFirmware(dir, vmdir.Machine{Arch: template.ArchRISCV64, Loader: true}); err != nil {
		t.Error(err)
	}
}

func TestFirmwareIsTheMachinesOwn(t *testing.T) {
	host, dir := t.TempDir(), vmdir.Dir(t.TempDir())
	f := Firmware{Code: filepath.Join(host, "code"), Variables: filepath.Join(host, "variables")}
	write(t, f.Code, "code")
	write(t, f.Variables, "variables")
	if err := f.Install(dir); err != nil {
		t.Fatal(err)
	}
	// What the guest has written stays, also when an interrupted creation is carried on.
	write(t, dir.FirmwareVariables(), "boot entries")
	if err := f.Install(dir); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir.Firmware(): "code", dir.FirmwareVariables(): "boot entries"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if err := (Firmware{Code: "/nonexistent"}).Install(dir); err == nil {
		t.Error("firmware that is not there was installed")
	}
}

func has(args []string, option, part string) bool {
	return slices.ContainsFunc(positions(args), func(i int) bool { return args[i] == option && strings.Contains(args[i+1], part) })
}

func TestArgsOfCloudImages(t *testing.T) {
	for name, tc := range map[string]struct {
		change        func(*vmdir.Machine)
		with, without [][2]string
	}{
		"UEFI": {
			func(m *vmdir.Machine) { m.UEFI = true },
			[][2]string{
				{"-machine", "pflash0=firmware,pflash1=variables"}, {"-blockdev", "/lima/vm/firmware.fd"}, {"-blockdev", "/lima/vm/firmware-vars.fd"},
			},
			[][2]string{{"-kernel", ""}},
		},
		"BIOS": {func(*vmdir.Machine) {}, nil, [][2]string{{"-kernel", ""}, {"-machine", "pflash"}, {"-blockdev", "firmware"}}},
		"kernel": {
			func(m *vmdir.Machine) { m.Image.Kernel = "/k" }, [][2]string{{"-kernel", "/k"}, {"-append", "root=LABEL=x"}},
			[][2]string{{"-initrd", ""}},
		},
		"kernel and initrd": {
			func(m *vmdir.Machine) { m.Image.Kernel, m.Image.Initrd = "/k", "/i" },
			[][2]string{{"-kernel", "/k"}, {"-initrd", "/i"}, {"-append", "root=LABEL=x"}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config("/lima/vm")
			c.Machine.Image = vmdir.Image{Disk: "/x", KernelArgs: "root=LABEL=x", Parts: map[string]image.Part{"image": {}}}
			tc.change(&c.Machine)
			args, err := fakeQEMU(t, "").Args(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range append(tc.with, [2]string{"-blockdev", "/lima/vm/cidata.iso"}, [2]string{"-device", "virtio-blk-pci,drive=seed"}) {
				if !has(args, want[0], want[1]) {
					t.Errorf("no %s %s in %q", want[0], want[1], args)
				}
			}
			for _, never := range append(tc.without, [2]string{"-fw_cfg", ""}, [2]string{"-append", "systemd."}) {
				if has(args, never[0], never[1]) {
					t.Errorf("%s %s in %q", never[0], never[1], args)
				}
			}
			if slices.Index(args, "virtio-blk-pci,drive=disk0") > slices.Index(args, "virtio-blk-pci,drive=seed") {
				t.Error("the seed is /dev/vda")
			}
		})
	}
}

func TestDiskOnRawImage(t *testing.T) {
	program, err := Find("")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	dir := t.TempDir()
	base, disk := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk")
	if err := os.WriteFile(base, make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]int64{1 << 20: 3 << 20, 1 << 30: 1 << 30} {
		if err := program.CreateDisk(t.Context(), disk, filepath.Base(base), image.FormatRaw, size); err != nil {
			t.Fatal(err)
		}
		if got, err := image.DiskSize(disk, image.FormatQCOW2); err != nil || got != want {
			t.Errorf("%d, %v; want %d", got, err, want)
		}
	}
}
