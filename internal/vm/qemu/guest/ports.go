// SPDX-License-Identifier: Apache-2.0

package guest

const (
	// movedSSHPort is where sshd listens in images that rdd has built: port 22 is for containers. It
	// is above the ports that systems give to clients.
	movedSSHPort = 65022
	// usualSSHPort is where distributions have it.
	usualSSHPort = 22
	// OwnSSHPort is where a second sshd listens, which only rdd uses. Connections to the first one
	// cannot keep rdd out, however many there are.
	OwnSSHPort = 65023
)

// Ports lists what the ssh servers of a guest take, as SSHPort.
func Ports(moved bool) []int { return []int{SSHPort(moved), OwnSSHPort} }

// SSHPort returns where in the guest sshd listens: the boot script moves it in images that rdd has
// built.
func SSHPort(moved bool) int {
	if moved {
		return movedSSHPort
	}
	return usualSSHPort
}
