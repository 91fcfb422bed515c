// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// exitInterrupted is what a shell reports for a command that Ctrl-C ended: 128 + SIGINT.
	exitInterrupted = 130
	exitTerminated  = 143
)

// Help says what all commands that run a command in a guest have in common.
const Help = `Without CMD it is a login shell. A single CMD is a line for the guest's shell, as with ssh; of several,
each arrives as it was given: 'a b' stays one argument. A terminal is used when there is one, the exit code is the command's, and
128 + the signal's number when a signal ended it. Input and output pass unchanged.

It begins in --workdir; else, if the directory you are in is mounted in the guest, there; else in the guest's home.`

// Options say how to run a command in a guest.
type Options struct {
	// Name of the LimaVM; Start is the command that starts it, for a hint.
	Name, Start string
	// Workdir in the guest; empty: where the user is, if that is mounted there.
	Workdir string
	// Args are the command, as Help describes it.
	Args []string
}

// AddWorkdir gives a command the flag --workdir, and makes all that follows CMD part of it.
func AddWorkdir(cmd *cobra.Command, o *Options) {
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&o.Workdir, "workdir", "w", "", "directory in the guest to begin in")
}

// Run runs a command in a guest and passes on its exit code, as a session.CodeError. It goes to the guest
// directly and needs no daemon. An error says what to do when the guest cannot be reached.
func Run(ctx context.Context, s *session.Session, o Options) error {
	command := guestCommand(o.Args)
	if prefix := beginIn(s, o); prefix != "" {
		command = sshx.Command{Line: prefix + lineOf(command)}
	}
	command.Stdin, command.Stdout, command.Stderr = s.In, s.Out, s.Err
	command.Env = guestEnvironment(os.Getenv)
	code, err := runInGuest(ctx, s, o, command)
	if ctx.Err() != nil {
		return &session.CodeError{Code: exitOf(context.Cause(ctx))}
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return &session.CodeError{Code: code}
	}
	return nil
}

// exitOf is what a shell reports for a command that a signal to this process ended: 128 + the signal's number.
func exitOf(cause error) int {
	if cause != nil && strings.HasPrefix(cause.Error(), syscall.SIGTERM.String()) {
		return exitTerminated
	}
	return exitInterrupted
}

// guestCommand reads the arguments as Help says.
func guestCommand(args []string) sshx.Command {
	if len(args) == 1 {
		return sshx.Command{Line: args[0]}
	}
	return sshx.Command{Args: args}
}

// lineOf is a command as a line for the guest's shell; a login shell has to be asked for by name there.
func lineOf(c sshx.Command) string {
	switch {
	case c.Line != "":
		return c.Line
	case len(c.Args) > 0:
		return sshx.Quote(c.Args...)
	default:
		return `exec "$SHELL" -l`
	}
}

// runInGuest runs a command with a terminal when standard input and output are one. Without, it is let in by the
// hostagent if that can, which is quicker; a session on a terminal is to outlive the hostagent.
func runInGuest(ctx context.Context, s *session.Session, o Options, command sshx.Command) (int, error) {
	in, inOK := s.In.(*os.File)
	out, outOK := s.Out.(*os.File)
	inst, err := s.Instance()
	if err != nil {
		return 0, err
	}
	dir := vmdir.In(inst.LimaHome(), filepath.Base(o.Name))
	terminal := inOK && outOK && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
	if !terminal {
		code, done, err := shell.Relayed(ctx, dir, command)
		if done {
			return code, err
		}
	}
	connection, err := shell.Login(ctx, dir)
	if err != nil {
		return 0, explainUnreachable(ctx, s, o.Name, o.Start, err)
	}
	defer func() { _ = connection.Close() }()
	if !terminal {
		return sshx.Run(ctx, connection, command)
	}
	return runOnTerminal(ctx, connection, command, in, out)
}
