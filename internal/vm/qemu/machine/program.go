// SPDX-License-Identifier: Apache-2.0

// Package machine knows QEMU: which programs there are, the command line of a machine, its disk and
// firmware, and whether hardware acceleration really works. For the last a tiny kernel is booted,
// once for each host kernel, QEMU and CPU model, and the result is kept in the cache.
package machine

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// Program is an installed QEMU.
type Program struct {
	// Arch of its guests, in Lima's spelling; empty: the host's.
	Arch string
	// System emulates that architecture; Image makes disks.
	System, Image string
}

// Find finds QEMU for guests of an architecture, in Lima's spelling; empty: the host's.
// *vm.HostError when it is not installed.
func Find(arch string) (Program, error) {
	a, ok := architectures[archOf(arch)]
	if !ok {
		return Program{}, fmt.Errorf("there are no machines for the architecture %q", arch)
	}
	found := Program{Arch: archOf(arch)}
	var missing []string
	for _, p := range []struct {
		name string
		path *string
	}{{a.program, &found.System}, {imageProgram, &found.Image}} {
		var err error
		if *p.path, err = process.LookPath(p.name); err != nil {
			missing = append(missing, p.name)
		}
	}
	if len(missing) > 0 {
		return Program{}, &vm.HostError{Missing: missing[0], Hint: install(a.packages, qemuImage)}
	}
	return found, nil
}

// imageProgram makes disks.
const imageProgram = "qemu-img"

// FindImage finds what makes disks, and nothing that runs guests. *vm.HostError when it is not
// installed.
func FindImage() (Program, error) {
	path, err := process.LookPath(imageProgram)
	if err != nil {
		return Program{}, &vm.HostError{Missing: imageProgram, Hint: install(qemuImage)}
	}
	return Program{Image: path}, nil
}

// Version returns the first line of QEMU's version.
func (p Program) Version(ctx context.Context) (string, error) {
	out, err := process.Output(ctx, process.Command{Path: p.System, Args: []string{"-version"}})
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", p.System, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line, nil
}

// MachineType returns the newest versioned machine type. Unlike its alias, it means the same
// hardware in every version of QEMU that has it. Where QEMU has no versions of it, it is the alias.
func (p Program) MachineType(ctx context.Context) (string, error) {
	out, err := process.Output(ctx, process.Command{Path: p.System, Args: []string{"-machine", "help"}})
	if err != nil {
		return "", fmt.Errorf("asking %s for its machines: %w", p.System, err)
	}
	a := architectures[archOf(p.Arch)]
	for line := range strings.Lines(string(out)) {
		name, about, _ := strings.Cut(line, " ")
		if match := aliasPattern.FindStringSubmatch(about); name == a.machine && match != nil {
			return match[1], nil
		}
		if name == a.machine && a.unversioned {
			return name, nil
		}
	}
	return "", fmt.Errorf("%s -machine help names no versioned %s machine", p.System, a.machine)
}

// aliasPattern finds the versioned name in a line of the list of QEMU's machine types.
var aliasPattern = regexp.MustCompile(`\(alias of ([a-z0-9.-]+)\)`)

// hasSandbox reports whether this QEMU was built with seccomp.
func (p Program) hasSandbox(ctx context.Context) bool {
	out, err := process.Output(ctx, process.Command{Path: p.System, Args: []string{"-help"}})
	return err == nil && strings.Contains(string(out), "\n-sandbox ")
}
