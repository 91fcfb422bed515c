// SPDX-License-Identifier: Apache-2.0

// Package shell runs commands in the guest of an instance directory: over the connection that its hostagent
// keeps (sshx.Relay), which is quick, or else over one of its own.
package shell

import (
	"context"
	"errors"
	"time"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// loginTimeout bounds the login into a guest, which may be slow under emulation.
	loginTimeout = 30 * time.Second
	// relayTimeout bounds the connection to a hostagent, which answers at once or hangs.
	relayTimeout = 2 * time.Second
)

// Run runs a command as sshx.Run does, by way of the hostagent if that lets it in.
func Run(ctx context.Context, dir vmdir.Dir, command sshx.Command) (int, error) {
	code, done, err := Relayed(ctx, dir, command)
	if done {
		return code, err
	}
	connection, err := Login(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = connection.Close() }()
	return sshx.Run(ctx, connection, command)
}

// Login connects to the guest itself. ctx bounds the call, not the connection it returns.
func Login(ctx context.Context, dir vmdir.Dir) (*ssh.Client, error) {
	config, err := sshx.ReadConfig(dir.SSHConfig())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	return sshx.Dial(ctx, config)
}

// Relayed runs a command by way of the hostagent; not done when it did not begin.
func Relayed(ctx context.Context, dir vmdir.Dir, command sshx.Command) (code int, done bool, err error) {
	relay, err := dialRelay(ctx, dir)
	if err != nil {
		return 0, false, nil //nolint:nilerr // there are older hostagents, and other ways
	}
	defer func() { _ = relay.Close() }()
	code, err = sshx.Run(ctx, relay, command)
	var refused *ssh.OpenChannelError
	return code, !errors.As(err, &refused), err
}

func dialRelay(ctx context.Context, dir vmdir.Dir) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	return sshx.DialRelay(ctx, dir.ShellSocket())
}
