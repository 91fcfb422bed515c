// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"cmp"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// architecture says how QEMU runs guests of one.
type architecture struct {
	// program is QEMU's, and packages have it.
	program  string
	packages packages
	// machine is the alias of the newest machine type, and options are what it is given beside.
	machine, options string
	// unversioned: QEMU has no versions of the machine type.
	unversioned bool
	// cpu is the model of guests that are emulated.
	cpu string
	// bus of the virtio devices, as the names of QEMU's devices have it.
	bus string
	// console of Linux on the serial port.
	console string
	// firmware is needed by machines that have none of their own in QEMU.
	firmware firmware
	// tpm is QEMU's device for a TPM; empty: machines cannot have one.
	tpm string
}

// Buses of virtio devices.
const (
	busPCI = "pci"
	busCCW = "ccw" // s390x boots from that only
)

// architectures by Lima's names.
//
// Emulated processors have all features that QEMU can emulate, except what costs much and gives a
// guest nothing: five-level page tables, and pointer authentication by the algorithm that hardware
// has. LPA2 is left out as older kernels do not boot with it.
var architectures = map[string]architecture{
	template.ArchX8664: {
		program: "qemu-system-x86_64", packages: packages{
			apt: "qemu-system-x86", dnf: "qemu-system-x86-core", pacman: "qemu-system-x86", zypper: "qemu-x86", brew: "qemu",
		},
		machine: "q35", options: "vmport=off", cpu: "max,la57=off", bus: busPCI, console: "ttyS0", firmware: ovmf, tpm: "tpm-tis",
	},
	template.ArchAArch64: {
		program: "qemu-system-aarch64", packages: packages{
			apt: "qemu-system-arm", dnf: "qemu-system-aarch64-core", pacman: "qemu-system-aarch64", zypper: "qemu-arm", brew: "qemu",
		},
		machine: "virt", cpu: "max,pauth-impdef=on,lpa2=off", bus: busPCI, console: "ttyAMA0", firmware: aavmf, tpm: "tpm-tis-device",
	},
	template.ArchARMv7L: {
		program: "qemu-system-arm", packages: packages{
			apt: "qemu-system-arm", dnf: "qemu-system-arm-core", pacman: "qemu-system-arm", zypper: "qemu-arm", brew: "qemu",
		},
		// Kernels without LPAE see nothing above 4 GiB.
		machine: "virt", options: "highmem=off", cpu: "max", bus: busPCI, console: "ttyAMA0", firmware: aavmf32, tpm: "tpm-tis-device",
	},
	template.ArchPPC64LE: {
		program: "qemu-system-ppc64", packages: packages{
			apt: "qemu-system-ppc", dnf: "qemu-system-ppc-core", pacman: "qemu-system-ppc", zypper: "qemu-ppc", brew: "qemu",
		},
		machine: "pseries", cpu: "power9", bus: busPCI, console: "hvc0", tpm: "tpm-spapr",
	},
	template.ArchRISCV64: {
		program: "qemu-system-riscv64", packages: packages{
			apt: "qemu-system-riscv64 opensbi", dnf: "qemu-system-riscv-core", pacman: "qemu-system-riscv", zypper: "qemu-extra", brew: "qemu",
		},
		machine: "virt", unversioned: true, cpu: "rv64", bus: busPCI, console: "ttyS0", firmware: riscvFirmware,
	},
	template.ArchS390X: {
		program: "qemu-system-s390x", packages: packages{
			apt: "qemu-system-s390x", dnf: "qemu-system-s390x-core", pacman: "qemu-system-s390x", zypper: "qemu-s390x", brew: "qemu",
		},
		machine: "s390-ccw-virtio", cpu: "max", bus: busCCW, console: "ttysclp0",
	},
}

// ArchOf is the architecture of a machine, in Lima's spelling. One that an older rdd has made has
// the host's.
func ArchOf(m vmdir.Machine) string { return archOf(m.Arch) }

func archOf(name string) string { return cmp.Or(name, template.HostArch()) }

// Foreign reports whether guests of an architecture are emulated whatever this host offers. Empty
// is the host's.
func Foreign(arch string) bool { return archOf(arch) != template.HostArch() }

// emulation is how guests of an architecture run without the host's processor.
func emulation(arch string) Accelerator {
	return Accelerator{Name: TCG, CPU: architectures[archOf(arch)].cpu}
}
