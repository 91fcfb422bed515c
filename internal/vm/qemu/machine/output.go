// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
)

// fullDisk are the texts of strerror(3) for ENOSPC and EDQUOT in lower case, as QEMU and qemu-img
// print them in the C locale. They have no other way to say it.
var fullDisk = []string{"no space left on device", "disk quota exceeded", "quota exceeded"}

// KindOf is the kind of failure that QEMU's or qemu-img's own messages show: vm.FaultDiskFull, else
// otherwise.
func KindOf(output string, otherwise vm.FaultKind) vm.FaultKind {
	output = strings.ToLower(output)
	for _, text := range fullDisk {
		if strings.Contains(output, text) {
			return vm.FaultDiskFull
		}
	}
	return otherwise
}
