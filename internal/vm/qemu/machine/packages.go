// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"strings"

	"rancherdesktop.io/rdd/internal/process"
)

// packages of one program or file in the distributions. Empty: not known there.
type packages struct{ apt, dnf, pacman, zypper, brew string }

// qemuImage are the packages of qemu-img.
var qemuImage = packages{apt: "qemu-utils", dnf: "qemu-img", pacman: "qemu-img", zypper: "qemu-tools", brew: "qemu"}

// managers are the programs that install packages, in the order in which they are looked for.
var managers = []struct {
	program, command string
	of               func(packages) string
}{
	{"apt-get", "sudo apt-get install ", func(p packages) string { return p.apt }},
	{"dnf", "sudo dnf install ", func(p packages) string { return p.dnf }},
	{"pacman", "sudo pacman -S ", func(p packages) string { return p.pacman }},
	{"zypper", "sudo zypper install ", func(p packages) string { return p.zypper }},
	{"brew", "brew install ", func(p packages) string { return p.brew }},
}

// install returns the command that installs packages on this host. Where none is known it returns
// Debian's, whose names help to find others.
func install(wanted ...packages) string { return installWith(process.LookPath, wanted...) }

// installWith is install on a host where look finds programs.
func installWith(look func(string) (string, error), wanted ...packages) string {
	for _, m := range managers {
		if _, err := look(m.program); err != nil {
			continue
		}
		if names, ok := join(wanted, m.of); ok {
			return m.command + names
		}
		break
	}
	names, _ := join(wanted, managers[0].of)
	return managers[0].command + names
}

// join lists the packages that of names, each once. It reports whether all are known.
func join(wanted []packages, of func(packages) string) (string, bool) {
	var names []string
	seen, known := map[string]bool{}, true
	for _, p := range wanted {
		known = known && of(p) != ""
		for _, name := range strings.Fields(of(p)) {
			if !seen[name] {
				names = append(names, name)
			}
			seen[name] = true
		}
	}
	return strings.Join(names, " "), known
}
