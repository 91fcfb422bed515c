// SPDX-License-Identifier: Apache-2.0

// Package shell runs commands in the guest of an instance directory: over the connection that its
// hostagent keeps (sshx.Relay), which is quick, or else over a connection of its own. A login that
// fails is a *vm.UnreachableError.
//
// Commands are tested in internal/vm/qemu, where a stand-in for the guest answers, and with real
// guests in test/e2e.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// loginTimeout bounds the login into a guest, which may be slow under emulation.
	loginTimeout = 30 * time.Second
	// relayTimeout bounds the connection to a hostagent, which answers at once or hangs.
	relayTimeout = 2 * time.Second
)

// Run runs a command as vm.GuestRunner documents. It uses the hostagent's relay if there is one. A
// command with a terminal always has a connection of its own, so that it outlives the hostagent;
// and so has one that may use the user's ssh agent.
func Run(ctx context.Context, dir vmdir.Dir, c vm.Command) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command := overSSH(ctx, c)
	if command.AgentSocket != "" && !forwardsAgent(dir) {
		command.AgentSocket = ""
	}
	if c.Terminal == nil && command.AgentSocket == "" {
		if code, done, err := Relayed(ctx, dir, command); done {
			return code, err
		}
	}
	connection, err := Login(ctx, dir)
	if err != nil {
		return 0, unreachable(err)
	}
	defer func() { _ = connection.Close() }()
	if c.Terminal != nil && c.Terminal.Prepare != nil {
		if err := c.Terminal.Prepare(); err != nil {
			return 0, fmt.Errorf("preparing the terminal: %w", err)
		}
	}
	return sshx.Run(ctx, connection, command)
}

// forwardsAgent reports whether the machine's template has ssh.forwardAgent. What is wrong with the
// configuration is found by the login.
func forwardsAgent(dir vmdir.Dir) bool {
	config, err := sshx.ReadConfig(dir.SSHConfig())
	return err == nil && config.ForwardAgent
}

// overSSH is the command for ssh, which starts commands in the home directory: a shell line changes
// it.
func overSSH(ctx context.Context, c vm.Command) sshx.Command {
	over := sshx.Command{
		Args: c.Args, Line: c.Line, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr, Env: c.Env, AgentSocket: c.AgentSocket,
	}
	if c.Dir != "" {
		over.Args, over.Line = nil, changeDir(c)+line(c)
	}
	if c.CleanEnv {
		over.Args, over.Line = nil, sshx.Clean(line(c))
	}
	if t := c.Terminal; t != nil {
		over.TTY = &sshx.TTY{Term: t.Term, Size: sshx.Size(t.Size), Resized: sizes(ctx, t.Resized)}
	}
	return over
}

// sizes converts sizes until ctx ends; nil when there are none.
func sizes(ctx context.Context, from <-chan vm.Size) <-chan sshx.Size {
	if from == nil {
		return nil
	}
	to := make(chan sshx.Size)
	go func() {
		defer close(to)
		for {
			select {
			case <-ctx.Done():
				return
			case size, open := <-from:
				if !open {
					return
				}
				select {
				case to <- sshx.Size(size):
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return to
}

// changeDir is the line that goes to the command's directory.
func changeDir(c vm.Command) string {
	if c.DirOptional {
		return "cd " + sshx.Quote(c.Dir) + " 2>/dev/null\n"
	}
	return "cd " + sshx.Quote(c.Dir) + " || exit 1\n"
}

// line is the command as a line for the guest's shell. After another line a login shell has to be
// started explicitly.
func line(c vm.Command) string {
	switch {
	case c.Line != "":
		return c.Line
	case len(c.Args) > 0:
		return sshx.Quote(c.Args...)
	default:
		return `exec "$SHELL" -l`
	}
}

// unreachable returns the error for a login that failed. The guest counts as not running when
// nothing of it answers: its address is not recorded, nobody listens there, or another server does.
func unreachable(err error) error {
	var refused *net.OpError
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &refused) || errors.Is(err, sshx.ErrHostKey) {
		return &vm.UnreachableError{Reason: vm.ErrNotRunning, Err: err}
	}
	return &vm.UnreachableError{Err: err}
}

// Login connects to the guest itself: to the ssh server that is rdd's alone, or else to the one for
// everybody. ctx bounds the call, not the connection it returns.
func Login(ctx context.Context, dir vmdir.Dir) (*ssh.Client, error) {
	shared, err := sshx.ReadConfig(dir.SSHConfig())
	if err != nil {
		return nil, err
	}
	configs := []sshx.Config{shared}
	if own, err := sshx.ReadConfig(dir.OwnSSHConfig()); err == nil { // an older hostagent has not written it
		own.BannerTimeout = loginTimeout / 2
		configs = []sshx.Config{own, shared}
	}
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	return sshx.DialAny(ctx, configs...)
}

// Relayed runs a command over the hostagent's connection. done is false when there is no relay or
// it refuses, so that the command was not started.
func Relayed(ctx context.Context, dir vmdir.Dir, command sshx.Command) (code int, done bool, err error) {
	relay, err := dialRelay(ctx, dir)
	if err != nil {
		return 0, false, nil //nolint:nilerr // an older hostagent has no relay: the caller logs in
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
