// SPDX-License-Identifier: Apache-2.0

//go:build linux

package machine

import (
	"errors"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// foreign is an architecture that this host has not.
func foreign() string {
	if template.HostArch() == template.ArchAArch64 {
		return template.ArchX8664
	}
	return template.ArchAArch64
}

// cloudConfig is a machine of an architecture with an image that boots by firmware.
func cloudConfig(arch, machine string) Config {
	c := config("/lima/vm")
	c.Machine.Arch, c.Machine.Type = arch, machine
	c.Machine.Image = vmdir.Image{Disk: "/x", Parts: map[string]image.Part{"image": {}}}
	c.Accelerator = emulation(arch)
	c.Shares = share.Set{{Tag: "mount0", Export: "/tmp"}}
	c.Disks = []string{"/d"}
	return c
}

func TestArgsOfArchitectures(t *testing.T) {
	for _, tc := range []struct {
		arch, machine, want, cpu, bus string
	}{
		{template.ArchX8664, "pc-q35-7.2", "pc-q35-7.2,vmport=off", "max,la57=off", "pci"},
		{template.ArchAArch64, "virt-7.2", "virt-7.2", "max,pauth-impdef=on,lpa2=off", "pci"},
		{template.ArchARMv7L, "virt-7.2", "virt-7.2,highmem=off", "max", "pci"},
		{template.ArchPPC64LE, "pseries-7.2", "pseries-7.2", "power9", "pci"},
		{template.ArchRISCV64, "virt", "virt", "rv64", "pci"},
		{template.ArchS390X, "s390-ccw-virtio-7.2", "s390-ccw-virtio-7.2", "max", "ccw"},
	} {
		t.Run(tc.arch, func(t *testing.T) {
			c := cloudConfig(tc.arch, tc.machine)
			c.VNC = "127.0.0.1:0"
			args, err := fakeQEMU(t, "").Args(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range [][2]string{{"-machine", tc.want}, {"-cpu", tc.cpu}, {"-accel", "tcg,thread=multi"}} {
				if !slices.ContainsFunc(positions(args), func(i int) bool { return args[i] == want[0] && args[i+1] == want[1] }) {
					t.Errorf("no %q in %q", want, args)
				}
			}
			other := map[string]string{"pci": "-ccw", "ccw": "-pci"}[tc.bus]
			for _, device := range []string{"blk", "net", "rng", "serial", "balloon", "9p"} {
				if !has(args, "-device", "virtio-"+device+"-"+tc.bus) {
					t.Errorf("no %s", device)
				}
			}
			if has(args, "-device", other) {
				t.Errorf("a device of another bus in %q", args)
			}
		})
	}
}

// TestQEMUTakesTheArguments starts each QEMU that this host has, with a guest that does not run.
func TestQEMUTakesTheArguments(t *testing.T) {
	for arch := range architectures {
		t.Run(arch, func(t *testing.T) {
			program, err := Find(arch)
			if err != nil {
				t.Skipf("SKIPPED: %v", err)
			}
			machine, err := program.MachineType(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c := cloudConfig(arch, machine)
			dir := vmdir.Dir(t.TempDir())
			c.Dir, c.Disks, c.SSHPort, c.OwnSSHPort = dir, nil, 0, 0
			c.Machine.UUID = "7b1c1d5e-0000-4000-8000-000000000001"
			write(t, dir.Seed(), strings.Repeat("x", 2048))
			createEmpty(t, program, dir.Disk(), "1M")
			c.Memory = 512 << 20
			args, err := program.Args(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(program.System, append(args, "-S", "-monitor", "stdio")...)
			cmd.Stdin = strings.NewReader("quit\n")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestFindForeign(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for arch, want := range map[string]string{
		template.ArchX8664:   "qemu-system-x86_64: sudo apt-get install qemu-system-x86 qemu-utils",
		template.ArchAArch64: "qemu-system-aarch64: sudo apt-get install qemu-system-arm qemu-utils",
		template.ArchARMv7L:  "qemu-system-arm: sudo apt-get install qemu-system-arm qemu-utils",
		template.ArchPPC64LE: "qemu-system-ppc64: sudo apt-get install qemu-system-ppc qemu-utils",
		template.ArchRISCV64: "qemu-system-riscv64: sudo apt-get install qemu-system-riscv64 opensbi qemu-utils",
		template.ArchS390X:   "qemu-system-s390x: sudo apt-get install qemu-system-s390x qemu-utils",
	} {
		var host *vm.HostError
		if _, err := Find(arch); !errors.As(err, &host) || host.Missing+": "+host.Hint != want {
			t.Errorf("%s: %v; want %s", arch, err, want)
		}
	}
	if _, err := Find("cray-1"); err == nil {
		t.Error("there is a machine for another architecture")
	}
}

func TestInstall(t *testing.T) {
	two := []packages{architectures[template.ArchAArch64].packages, aavmf.packages}
	for has, want := range map[string]string{
		"":        "sudo apt-get install qemu-system-arm qemu-efi-aarch64",
		"apt-get": "sudo apt-get install qemu-system-arm qemu-efi-aarch64",
		"dnf":     "sudo dnf install qemu-system-aarch64-core edk2-aarch64",
		"pacman":  "sudo pacman -S qemu-system-aarch64 edk2-aarch64",
		"zypper":  "sudo zypper install qemu-arm qemu-uefi-aarch64",
		"brew":    "brew install qemu",
	} {
		look := func(name string) (string, error) {
			if name == has {
				return "/bin/" + name, nil
			}
			return "", exec.ErrNotFound
		}
		if got := installWith(look, two...); got != want {
			t.Errorf("with %q: got %q, want %q", has, got, want)
		}
	}
	look := func(name string) (string, error) {
		return name, map[bool]error{true: exec.ErrNotFound}[name != "pacman"]
	}
	if got := installWith(look, riscvFirmware.packages); got != "sudo apt-get install u-boot-qemu opensbi" {
		t.Errorf("of a distribution whose package is not known: %q", got)
	}
}

// TestForeignIsEmulated whatever is asked for, and with the CPU model of its architecture.
func TestForeignIsEmulated(t *testing.T) {
	for _, override := range []string{"", "auto", KVM, TCG} {
		got, err := Chooser{Program: Program{Arch: foreign()}, Override: override, Log: slog.New(slog.DiscardHandler)}.Choose(t.Context())
		if err != nil || got != emulation(foreign()) || got.Name != TCG {
			t.Errorf("%q: %v, %v", override, got, err)
		}
	}
	if Foreign("") || Foreign(template.HostArch()) || !Foreign(foreign()) {
		t.Error("what is foreign?")
	}
	if got := ForeignReason(foreign()); !strings.Contains(got, foreign()) {
		t.Error(got)
	}
}

// TestTPMArgs: QEMU has a device for each architecture whose templates may want a TPM.
func TestTPMArgs(t *testing.T) {
	for arch, a := range architectures {
		_, err := template.Load([]byte("images: [{location: /x}]\ntpm: true\narch: "+arch+"\n"), nil,
			template.Host{Arch: template.HostArch(), CPUs: 4, Memory: 8 << 30})
		if (err == nil) != (a.tpm != "") {
			t.Errorf("%s: QEMU's device is %q; the template: %v", arch, a.tpm, err)
		}
		if a.tpm == "" {
			continue
		}
		c := cloudConfig(arch, "machine")
		if args, err := fakeQEMU(t, "").Args(t.Context(), c); err != nil || has(args, "-tpmdev", "") {
			t.Errorf("%s: %q, %v", arch, args, err)
		}
		c.TPM = 7
		args, err := fakeQEMU(t, "").Args(t.Context(), c)
		if err != nil || !has(args, "-chardev", "socket,id=tpm0,fd=7") || !has(args, "-device", a.tpm+",tpmdev=tpm0") {
			t.Errorf("%s: %q, %v", arch, args, err)
		}
	}
}
