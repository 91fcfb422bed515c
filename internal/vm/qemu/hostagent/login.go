// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/portalloc"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
)

// sshPorts are the ports of the host that lead to the guest's ssh servers: the one for everybody,
// and rdd's own, which is 0 for a machine that an older rdd has started.
type sshPorts struct{ shared, own int }

// chooseSSHPorts picks free ports. wanted is the template's ssh.localPort: see sshPort.
func chooseSSHPorts(wanted int) (ports sshPorts, err error) {
	if ports.shared, err = sshPort(wanted); err != nil {
		return sshPorts{}, err
	}
	for ports.own == 0 || ports.own == ports.shared {
		if ports.own, err = portalloc.Free(0); err != nil {
			return sshPorts{}, err
		}
	}
	return ports, nil
}

// named returns the port that a message of QEMU's about forwarding is about.
func (p sshPorts) named(message string) int {
	if strings.Contains(message, fmt.Sprintf(":%d-", p.own)) {
		return p.own
	}
	return p.shared
}

// moved reports whether sshd in the guest, of an image that rdd has built or another one, does not
// have port 22: an older rdd, which forwards no port of its own, has left it there.
func (p sshPorts) moved(built bool) bool { return built && p.own != 0 }

// ports are those of the current start.
func (a *agent) ports() sshPorts {
	run := a.state.get()
	return sshPorts{shared: run.SSHPort, own: run.OwnSSHPort}
}

// writeSSHFiles writes the configurations with which sshx and OpenSSH reach the guest.
func (a *agent) writeSSHFiles(ports sshPorts, forwardAgent bool) error {
	write := func(file string, port int) error {
		if port == 0 {
			return atomicfile.Remove(file)
		}
		written := a.sshConfig(port)
		written.ForwardAgent = forwardAgent
		config, err := written.Format(a.Dir.Name())
		if err != nil {
			return err
		}
		return atomicfile.Write(file, config, 0o600)
	}
	known, err := guest.KnownHosts(a.Dir.HostKey(), ports.shared)
	if err != nil {
		return err
	}
	if ports.own != 0 {
		more, err := guest.KnownHosts(a.Dir.HostKey(), ports.own)
		if err != nil {
			return err
		}
		known = slices.Concat(known, more)
	}
	return errors.Join(
		atomicfile.Write(a.Dir.KnownHosts(), known, 0o600),
		write(a.Dir.SSHConfig(), ports.shared),
		write(a.Dir.OwnSSHConfig(), ports.own),
	)
}

// sshConfig is the configuration for the guest at a port.
func (a *agent) sshConfig(port int) sshx.Config {
	return sshx.Config{
		Address: fmt.Sprintf("127.0.0.1:%d", port), User: a.record.Machine.User.Name,
		PrivateKeyFile: a.Dir.UserKey(), KnownHostsFile: a.Dir.KnownHosts(),
	}
}

// sshConfigs are the ways to log in, in the order in which they are tried: a guest may have no ssh
// server for rdd alone.
func (a *agent) sshConfigs() []sshx.Config {
	ports := a.ports()
	configs := []sshx.Config{a.sshConfig(ports.shared)}
	if ports.own != 0 {
		own := a.sshConfig(ports.own)
		own.BannerTimeout = lastBanner
		configs = slices.Insert(configs, 0, own)
	}
	return configs
}

// dial logs in to the guest at the ports of the current start.
func (a *agent) dial(ctx context.Context) (*ssh.Client, error) {
	return sshx.DialAny(ctx, a.sshConfigs()...)
}
