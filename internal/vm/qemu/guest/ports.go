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
func Ports(built bool) []int { return []int{SSHPort(built), OwnSSHPort} }

// SSHPort returns where in the guest sshd listens, for an image that rdd has built or another one.
func SSHPort(built bool) int {
	if built {
		return movedSSHPort
	}
	return usualSSHPort
}
