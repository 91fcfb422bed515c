// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

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
			wanted, portHolder(wanted)),
	}
}

// portHolder says for people who listens on a port.
func portHolder(port int) string {
	pid, err := process.TCPListener(port)
	if err != nil {
		return "another program"
	}
	line, err := process.CommandLine(pid)
	if err != nil || line[0] == "" {
		return fmt.Sprintf("process %d", pid)
	}
	if i := slices.IndexFunc(line, func(arg string) bool { return strings.HasPrefix(arg, "guest=") }); i > 0 && line[i-1] == "-name" {
		name, _, _ := strings.Cut(strings.TrimPrefix(line[i], "guest="), ",")
		return fmt.Sprintf("the virtual machine %s (process %d)", name, pid)
	}
	return fmt.Sprintf("%s (process %d)", filepath.Base(line[0]), pid)
}
