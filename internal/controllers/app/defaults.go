// SPDX-License-Identifier: Apache-2.0

package app

import (
	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const gib = int64(1) << 30

// Bounds of the machine's memory, in bytes, and of its default number of CPUs.
const (
	minMemory        = 2 * gib
	maxDefaultMemory = 8 * gib
	maxDefaultCPUs   = 2
)

// Facts are what the App controller knows of the host and of the daemon.
type Facts struct {
	Host template.Host
	// DockerSocket is the path on the host where Docker's socket appears.
	DockerSocket string
	// EngineController says that the container engine controller is enabled. Without it Settled does
	// not depend on ContainerEngineReady.
	EngineController bool
	// HomeProblem returns why the user's home cannot be shared with guests while rdd's own directories
	// in it are hidden; nil when it can. HomeProblem itself may be nil.
	HomeProblem func() error
}

func defaultCPUs(host template.Host) int32 { return int32(min(maxDefaultCPUs, host.CPUs)) }

// defaultMemory returns a quarter of the host's memory in bytes, at least 2 and at most 8 GiB.
func defaultMemory(host template.Host) int64 {
	return min(max(host.Memory/4, minMemory), maxDefaultMemory)
}

// defaultMounts shares the user's home, at the same path in the guest.
func defaultMounts() []appv1.Mount { return []appv1.Mount{{Location: "~", Writable: true}} }

func (f Facts) homeProblem() error {
	if f.HomeProblem == nil {
		return nil
	}
	return f.HomeProblem()
}
