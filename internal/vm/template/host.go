// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"runtime"
)

// Host is what this host offers to its guests: the limits of a template.
type Host struct {
	// Arch in Lima's spelling.
	Arch string
	CPUs int
	// Memory in bytes.
	Memory int64
}

// goArchitectures are the architectures in Lima's spelling with Go's names for them.
var goArchitectures = map[string]string{
	ArchX8664: "amd64", ArchAArch64: "arm64", ArchARMv7L: "arm", ArchPPC64LE: "ppc64le", ArchRISCV64: "riscv64", ArchS390X: "s390x",
}

// GoArch is Go's name of an architecture in Lima's spelling.
func GoArch(arch string) string { return goArchitectures[arch] }

// HostArch is the architecture of the host that this process runs on; empty where there are no
// guests.
func HostArch() string {
	return map[string]string{"amd64": ArchX8664, "arm64": ArchAArch64}[runtime.GOARCH]
}

// LocalHost describes the host that this process runs on.
func LocalHost() (Host, error) {
	arch := HostArch()
	if arch == "" {
		return Host{}, fmt.Errorf("there are no guests for this host's architecture, %s", runtime.GOARCH)
	}
	memory, err := hostMemory()
	if err != nil {
		return Host{}, fmt.Errorf("reading this host's memory size: %w", err)
	}
	return Host{Arch: arch, CPUs: runtime.NumCPU(), Memory: memory}, nil
}
