// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Firmware is UEFI firmware for QEMU: its code, and the variables it begins with.
type Firmware struct{ Code, Variables string }

// firmwares are the places where distributions put TianoCore's firmware, by Go's name of the
// architecture. None of them insists on Secure Boot.
var firmwares = map[string][]Firmware{
	"amd64": {
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
	"arm64": {
		{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},
		{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
		{"/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"},
		{"/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"},
		{"/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"},
		{"/usr/local/share/qemu/edk2-aarch64-code.fd", "/usr/local/share/qemu/edk2-arm-vars.fd"},
		{"/usr/share/qemu/edk2-aarch64-code.fd", "/usr/share/qemu/edk2-arm-vars.fd"},
	},
}

// needsFirmware are the architectures whose machines have no firmware of their own in QEMU, with
// Debian's package that has it. Those of amd64 have SeaBIOS.
var needsFirmware = map[string]string{"arm64": "qemu-efi-aarch64"}

// FindFirmware finds UEFI firmware on this host. It returns nil when there is none and machines
// boot without it, and *vm.HostError when they do not.
func FindFirmware() (*Firmware, error) { return findFirmware(runtime.GOARCH, "/") }

func findFirmware(arch, root string) (*Firmware, error) {
	for _, f := range firmwares[arch] {
		f = Firmware{Code: filepath.Join(root, f.Code), Variables: filepath.Join(root, f.Variables)}
		if isFile(f.Code) && isFile(f.Variables) {
			return &f, nil
		}
	}
	if pkg, ok := needsFirmware[arch]; ok {
		return nil, &vm.HostError{Missing: "UEFI firmware for QEMU", Hint: "sudo apt-get install " + pkg}
	}
	return nil, nil
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
	if _, err := os.Stat(dir.FirmwareVariables()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFirmware(f.Variables, dir.FirmwareVariables(), 0o600)
}

// RepairFirmware copies the host's firmware again into an instance whose own is lost or damaged.
// What the guest has written to its variable store is lost with that alone.
func RepairFirmware(dir vmdir.Dir) error {
	code, variables := hasContent(dir.Firmware()), hasContent(dir.FirmwareVariables())
	if code && variables {
		return nil
	}
	f, err := FindFirmware()
	if err != nil {
		return err
	}
	if f == nil {
		return &vm.HostError{Missing: "UEFI firmware for QEMU", Hint: "sudo apt-get install ovmf"}
	}
	if !code {
		// The variables of another firmware may have another size.
		variables = variables && equalSize(f.Variables, dir.FirmwareVariables())
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
