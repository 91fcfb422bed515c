// SPDX-License-Identifier: Apache-2.0

// Package machine knows QEMU: which programs there are, the command line of a machine, its disk and
// firmware, and whether hardware acceleration really works. For the last a tiny kernel is booted,
// once for each host kernel, QEMU and CPU model, and the result is kept in the cache.
package machine

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// Program is an installed QEMU.
type Program struct {
	// System emulates the host's architecture; Image makes disks.
	System, Image string
}

// systems by Go's name of the architecture: QEMU's program, its machine type, and Debian's package.
var systems = map[string]struct{ program, machine, pkg string }{
	"amd64": {"qemu-system-x86_64", "pc-q35", "qemu-system-x86"},
	"arm64": {"qemu-system-aarch64", "virt", "qemu-system-arm"},
}

// Find finds QEMU for this host's architecture; *vm.HostError when it is not installed.
func Find() (Program, error) {
	system, ok := systems[runtime.GOARCH]
	if !ok {
		return Program{}, fmt.Errorf("there are no machines for the architecture %s", runtime.GOARCH)
	}
	var found Program
	var missing []string
	for name, path := range map[string]*string{system.program: &found.System, "qemu-img": &found.Image} {
		var err error
		if *path, err = process.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 1 {
		return Program{}, &vm.HostError{Missing: missing[0], Hint: "sudo apt-get install " + system.pkg + " qemu-utils"}
	}
	if len(missing) == 2 {
		return Program{}, &vm.HostError{Missing: system.program, Hint: "sudo apt-get install " + system.pkg + " qemu-utils"}
	}
	return found, nil
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

// aliasPattern finds the versioned name in the list of QEMU's machine types.
var aliasPattern = regexp.MustCompile(`(?m)^(?:q35|virt) .*\(alias of ([a-z0-9.-]+)\)`)

// MachineType returns the newest versioned machine type. Unlike its alias, it means the same
// hardware in every version of QEMU that has it.
func (p Program) MachineType(ctx context.Context) (string, error) {
	out, err := process.Output(ctx, process.Command{Path: p.System, Args: []string{"-machine", "help"}})
	if err != nil {
		return "", fmt.Errorf("asking %s for its machines: %w", p.System, err)
	}
	match := aliasPattern.FindSubmatch(out)
	if match == nil {
		return "", fmt.Errorf("%s -machine help names no versioned %s machine", p.System, systems[runtime.GOARCH].machine)
	}
	return string(match[1]), nil
}

// hasSandbox reports whether this QEMU was built with seccomp.
func (p Program) hasSandbox(ctx context.Context) bool {
	out, err := process.Output(ctx, process.Command{Path: p.System, Args: []string{"-help"}})
	return err == nil && strings.Contains(string(out), "\n-sandbox ")
}
