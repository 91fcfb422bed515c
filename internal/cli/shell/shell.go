// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// signalBase plus the signal's number is what a shell reports for a command that a signal ended.
const signalBase = 128

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

// Run runs a command in a guest and passes on its exit code, as a session.CodeError. It needs no
// daemon. An error says what to do when the guest cannot be reached.
func Run(ctx context.Context, s *session.Session, o Options) error {
	code, err := runInGuest(ctx, s, o)
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

// exitOf is what a shell reports for a command that the cause of its context ended: the signal to
// this process; else as if Ctrl-C had.
func exitOf(cause error) int {
	var received *session.SignalError
	if errors.As(cause, &received) {
		if number, ok := received.Signal.(syscall.Signal); ok {
			return signalBase + int(number)
		}
	}
	return signalBase + int(syscall.SIGINT)
}

// runInGuest runs the command, with a terminal when standard input and output are one.
func runInGuest(ctx context.Context, s *session.Session, o Options) (int, error) {
	guests, err := session.Ability[vm.GuestRunner](s, "run commands in guests")
	if err != nil {
		return 0, err
	}
	command := guestCommand(o.Args)
	command.Stdin, command.Stdout, command.Stderr = s.In, s.Out, s.Err
	command.Env = guestEnvironment(os.Getenv)
	if command.Dir = o.Workdir; command.Dir == "" {
		command.Dir, command.DirOptional = mountedWorkdir(ctx, s, o.Name), true
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if t := terminalOf(s); t != nil {
		command.Terminal = t.describe(ctx)
		defer t.restore()
	}
	code, err := guests.RunInGuest(ctx, o.Name, command)
	var unreachable *vm.UnreachableError
	if errors.As(err, &unreachable) {
		return 0, explainUnreachable(ctx, s, o, unreachable)
	}
	return code, err
}

// guestCommand reads the arguments as Help says.
func guestCommand(args []string) vm.Command {
	if len(args) == 1 {
		return vm.Command{Line: args[0]}
	}
	return vm.Command{Args: args}
}
