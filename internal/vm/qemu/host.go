// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
)

// Disk space that must be free, in bytes. Disks are sparse and may need more later.
const (
	spaceToCreate = 1 << 30
	spaceToStart  = 256 << 20
)

// checkSpace returns a *vm.HostError when less than need bytes are free in dir.
func checkSpace(dir string, need int64) error {
	free, err := freeSpace(dir)
	if err != nil || free >= need {
		return err
	}
	return &vm.HostError{
		Missing: fmt.Sprintf("%d MiB of disk space in %s (%d MiB are free)", need>>20, dir, free>>20),
		Hint:    "free some space there",
	}
}

// checkMemory returns a *vm.HostError when the host cannot give a guest even half of its memory;
// guests seldom touch all of it at once.
func checkMemory(need int64) error {
	available, err := availableMemory()
	if err != nil || available >= need/2 {
		return err
	}
	return &vm.HostError{
		Missing: fmt.Sprintf("%d MiB of memory (%d MiB are available)", need>>20, available>>20),
		Hint:    "end other programs, or give the virtual machine less memory",
	}
}
