// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/portalloc"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
)

// sshPort returns the port of the host that leads to the guest's sshd: any free one, or that of the
// template's ssh.localPort. Others rely on the latter, so there is no substitute: when it is taken
// the error is a fault of kind vm.FaultPort that says by whom.
func sshPort(wanted int) (int, error) {
	if wanted == 0 {
		return portalloc.Free(0)
	}
	free, err := portalloc.IsFree(wanted)
	if free || err != nil {
		return wanted, err
	}
	return 0, &vm.Fault{
		Kind: vm.FaultPort, Field: "ssh.localPort",
		Text: fmt.Sprintf("ssh.localPort %d is in use by %s: end that, or give another port in the template (0 is any free one)",
			wanted, process.PortHolder(wanted)),
	}
}
