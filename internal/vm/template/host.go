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

// LocalHost describes the host that this process runs on.
func LocalHost() (Host, error) {
	arch := map[string]string{"amd64": ArchX8664, "arm64": ArchAArch64}[runtime.GOARCH]
	if arch == "" {
		return Host{}, fmt.Errorf("there are no guests for this host's architecture, %s", runtime.GOARCH)
	}
	memory, err := hostMemory()
	if err != nil {
		return Host{}, fmt.Errorf("reading this host's memory size: %w", err)
	}
	return Host{Arch: arch, CPUs: runtime.NumCPU(), Memory: memory}, nil
}
