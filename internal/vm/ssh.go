// SPDX-License-Identifier: Apache-2.0

package vm

import "context"

// SSH is how a program of the host reaches a guest by ssh.
type SSH struct {
	// ConfigFile is an OpenSSH client configuration with all that follows, for the host alias Host.
	ConfigFile, Host string
	// Address is an address of the host, at which Port leads to the guest's sshd.
	Address string
	Port    int
	User    string
	// KeyFile is the private key of the guest's user. KnownHostsFile has the guest's host key.
	KeyFile, KnownHostsFile string
}

// SSHReporter is the ability to let other programs reach guests by ssh.
type SSHReporter interface {
	// SSH returns how to reach a guest. ErrNotFound; ErrNotRunning: the guest was not booted.
	SSH(ctx context.Context, name string) (SSH, error)
}
