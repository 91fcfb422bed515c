// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Firmware is UEFI firmware for QEMU: its code, and the variables it begins with.
type Firmware struct {
	Code string
	// Variables is empty for U-Boot, which QEMU starts as if it were a kernel: see Loader.
	Variables string
}

// Loader reports whether the firmware is U-Boot.
func (f Firmware) Loader() bool { return f.Variables == "" }

// firmware is where distributions put it. None of it insists on Secure Boot.
type firmware struct {
	places   []Firmware
	packages packages
	// optional: QEMU's own firmware starts images, too.
	optional bool
}

var ovmf = firmware{
	optional: true,
	packages: packages{apt: "ovmf", dnf: "edk2-ovmf", pacman: "edk2-ovmf", zypper: "qemu-ovmf-x86_64", brew: "qemu"},
	places: []Firmware{
		{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},                         // Debian, Ubuntu
		{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},                               // older ones
		{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},                     // Fedora
		{"/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"},                 // Arch
		{"/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"},             // Arch, Gentoo before
		{"/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"},               // openSUSE
		{"/opt/homebrew/share/qemu/edk2-x86_64-code.fd", "/opt/homebrew/share/qemu/edk2-i386-vars.fd"}, // Homebrew
		{"/usr/local/share/qemu/edk2-x86_64-code.fd", "/usr/local/share/qemu/edk2-i386-vars.fd"},       // Homebrew on Intel, QEMU's own
		{"/usr/share/qemu/edk2-x86_64-code.fd", "/usr/share/qemu/edk2-i386-vars.fd"},                   // QEMU's own
	},
}

var aavmf = firmware{
	packages: packages{
		apt: "qemu-efi-aarch64", dnf: "edk2-aarch64", pacman: "edk2-aarch64", zypper: "qemu-uefi-aarch64", brew: "qemu",
	},
	places: []Firmware{
		{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},
		{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
		{"/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"},
		{"/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"},
		{"/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"},
		{"/usr/local/share/qemu/edk2-aarch64-code.fd", "/usr/local/share/qemu/edk2-arm-vars.fd"},
		{"/usr/share/qemu/edk2-aarch64-code.fd", "/usr/share/qemu/edk2-arm-vars.fd"},
	},
}

var aavmf32 = firmware{
	packages: packages{apt: "qemu-efi-arm", dnf: "edk2-arm", pacman: "edk2-arm", zypper: "qemu-uefi-aarch32", brew: "qemu"},
	places: []Firmware{
		{"/usr/share/AAVMF/AAVMF32_CODE.fd", "/usr/share/AAVMF/AAVMF32_VARS.fd"},
		{"/usr/share/edk2/arm/QEMU_EFI-pflash.raw", "/usr/share/edk2/arm/vars-template-pflash.raw"},
		{"/usr/share/edk2/arm/QEMU_CODE.fd", "/usr/share/edk2/arm/QEMU_VARS.fd"},
		{"/usr/share/qemu/aavmf-aarch32-code.bin", "/usr/share/qemu/aavmf-aarch32-vars.bin"},
		{"/opt/homebrew/share/qemu/edk2-arm-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"},
		{"/usr/local/share/qemu/edk2-arm-code.fd", "/usr/local/share/qemu/edk2-arm-vars.fd"},
		{"/usr/share/qemu/edk2-arm-code.fd", "/usr/share/qemu/edk2-arm-vars.fd"},
	},
}

// riscvFirmware is U-Boot where the host has it: TianoCore's works with QEMU 8.1 and later only,
// where the flash memory is free for it.
var riscvFirmware = firmware{
	packages: packages{apt: "u-boot-qemu opensbi", dnf: "uboot-images-riscv64", brew: "qemu"},
	places: []Firmware{
		{Code: "/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin"},                                              // Debian, Ubuntu
		{Code: "/usr/share/uboot/qemu-riscv64_smode/u-boot.bin"},                                             // Fedora
		{"/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd"}, // Debian 13
		{"/opt/homebrew/share/qemu/edk2-riscv-code.fd", "/opt/homebrew/share/qemu/edk2-riscv-vars.fd"},
		{"/usr/local/share/qemu/edk2-riscv-code.fd", "/usr/local/share/qemu/edk2-riscv-vars.fd"},
		{"/usr/share/qemu/edk2-riscv-code.fd", "/usr/share/qemu/edk2-riscv-vars.fd"},
	},
}

// FindFirmware finds firmware on this host that starts images of an architecture, in Lima's
// spelling; empty: the host's. It returns nil when there is none and machines boot without it, and
// *vm.HostError when they do not.
func FindFirmware(arch string) (*Firmware, error) { return findFirmware(arch, "/") }

func findFirmware(arch, root string) (*Firmware, error) {
	known := architectures[archOf(arch)].firmware
	for _, f := range known.places {
		f.Code = filepath.Join(root, f.Code)
		if !f.Loader() {
			f.Variables = filepath.Join(root, f.Variables)
		}
		if isFile(f.Code) && (f.Loader() || isFile(f.Variables)) {
			return &f, nil
		}
	}
	if len(known.places) > 0 && !known.optional {
		return nil, noFirmware(arch)
	}
	return nil, nil
}

// noFirmware says that the host lacks the firmware for an architecture, and how to get it.
func noFirmware(arch string) error {
	what := "UEFI firmware for QEMU"
	if Foreign(arch) {
		what += " (" + arch + ")"
	}
	return &vm.HostError{Missing: what, Hint: install(architectures[archOf(arch)].firmware.packages)}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// Install copies firmware into an instance, which keeps it when the host's is upgraded or removed.
// An existing variable store stays: the guest may have written to it.
func (f Firmware) Install(dir vmdir.Dir) error {
	if err := copyFirmware(f.Code, dir.Firmware(), 0o400); err != nil {
		return err
	}
	if f.Loader() {
		return nil
	}
	if _, err := os.Stat(dir.FirmwareVariables()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFirmware(f.Variables, dir.FirmwareVariables(), 0o600)
}

// RepairFirmware copies the host's firmware again into the instance of a machine whose own is lost
// or damaged. What the guest has written to its variable store is lost with that alone.
func RepairFirmware(dir vmdir.Dir, m vmdir.Machine) error {
	code, variables := hasContent(dir.Firmware()), m.Loader || hasContent(dir.FirmwareVariables())
	if code && variables {
		return nil
	}
	f, err := FindFirmware(m.Arch)
	if err != nil {
		return err
	}
	if f == nil || f.Loader() != m.Loader {
		return noFirmware(m.Arch)
	}
	if !code {
		// The variables of another firmware may have another size.
		variables = variables && (m.Loader || equalSize(f.Variables, dir.FirmwareVariables()))
		if err := replaceFirmware(f.Code, dir.Firmware(), 0o400); err != nil {
			return err
		}
	}
	if variables {
		return nil
	}
	return replaceFirmware(f.Variables, dir.FirmwareVariables(), 0o600)
}

func hasContent(path string) bool {
	info, err := regular.Stat(path)
	return err == nil && info.Size() > 0
}

func equalSize(a, b string) bool {
	first, err := os.Stat(a)
	second, errSecond := os.Stat(b)
	return err == nil && errSecond == nil && first.Size() == second.Size()
}

// replaceFirmware sets apart what is in the place of a copy.
func replaceFirmware(from, to string, mode fs.FileMode) error {
	if err := vmdir.SetApart(to); err != nil {
		return err
	}
	return copyFirmware(from, to, mode)
}

func copyFirmware(from, to string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copying the firmware: %w", err)
	}
	return atomicfile.Write(to, data, mode)
}
