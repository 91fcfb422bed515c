// SPDX-License-Identifier: Apache-2.0

package app

import (
	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const gib = int64(1) << 30

// Bounds of the machine's memory.
const (
	minMemory        = 2 * gib
	maxDefaultMemory = 8 * gib
	maxDefaultCPUs   = 2
)

// Facts are what the App controller must know of the host.
type Facts struct {
	Host template.Host
	// DockerSocket is the path on the host where Docker's socket appears.
	DockerSocket string
	// EngineController says that the container engine controller runs: otherwise nobody would be
	// waited for.
	EngineController bool
	// HomeProblem says why the user's home cannot be shown to guests without rdd's own directories in
	// it; nil when it can.
	HomeProblem func() error
}

func defaultCPUs(host template.Host) int32 { return int32(min(maxDefaultCPUs, host.CPUs)) }

// defaultMemory is a quarter of the host's, within 2 and 8 GiB.
func defaultMemory(host template.Host) int64 {
	return min(max(host.Memory/4, minMemory), maxDefaultMemory)
}

// defaultMounts shows the user's home under its own path.
func defaultMounts() []appv1.Mount { return []appv1.Mount{{Location: "~", Writable: true}} }

func (f Facts) homeProblem() error {
	if f.HomeProblem == nil {
		return nil
	}
	return f.HomeProblem()
}
