// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"errors"
	"fmt"
	"slices"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// FindQEMU recognises the QEMU of an instance: by what was written down, else by who listens on its socket, and
// then only when its command line has the machine's UUID. A PID file is never trusted.
func FindQEMU(dir vmdir.Dir, record vmdir.Record, run vmdir.Run) (process.Identity, error) {
	if run.QEMU != nil && run.QEMU.Alive() {
		return *run.QEMU, nil
	}
	pid, err := process.SocketOwner(dir.QMPSocket())
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding QEMU: %w", err)
	}
	id, err := process.Identify(pid)
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding QEMU: %w", err)
	}
	args, err := process.CommandLine(pid)
	if err != nil {
		return process.Identity{}, fmt.Errorf("finding QEMU: %w", err)
	}
	if record.Machine.UUID == "" || !slices.Contains(args, record.Machine.UUID) {
		return process.Identity{}, errors.New("finding QEMU: another program listens on its socket")
	}
	return id, nil
}
