// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/shellquote"
	"rancherdesktop.io/rdd/internal/vm"
)

// signalBase plus the signal's number is the exit code of a command that a signal ended, as in
// shells.
const signalBase = 128

// Help is the part of the help text that all commands of this kind share.
const Help = `Without CMD it is a login shell. A single CMD is a line for the guest's shell, as with ssh; of several,
each arrives as it was given: 'a b' stays one argument. A terminal is used when there is one, the exit code is the command's, and
128 + the signal's number when a signal ended it. Input and output pass unchanged. A -- before CMD ends rdd's own flags.

With --shell that shell of the guest's runs CMD, or is the login shell.

It begins in --workdir; else, if the directory you are in is mounted in the guest, there; else in the guest's home.`

// Options say how to run a command in a guest.
type Options struct {
	// Name of the LimaVM. Start is the command that starts it, for a hint.
	Name, Start string
	// Workdir is the working directory in the guest. Empty means that of this process if it is mounted
	// in the guest, or else the home.
	Workdir string
	// Shell is the shell in the guest that runs the command; empty means the user's.
	Shell string
	// Args are the command, as Help describes it.
	Args []string
}

// AddFlags gives a command the flags --workdir and --shell. Flags after CMD belong to CMD.
func AddFlags(cmd *cobra.Command, o *Options) {
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&o.Workdir, "workdir", "w", "", "directory in the guest to begin in")
	cmd.Flags().StringVar(&o.Shell, shellFlag, "", "shell in the guest, as in /bin/zsh (default the user's)")
	shells := []string{"/bin/bash", "/bin/sh", "/bin/zsh"}
	// It fails for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(shellFlag, cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp))
}

// AfterName returns the command of the arguments NAME [--] [CMD…]. The dashes end the flags, as
// after the name for ssh and kubectl.
func AfterName(args []string) []string {
	if len(args) > 1 && args[1] == "--" {
		return args[2:]
	}
	return args[1:]
}

const shellFlag = "shell"

// Run runs a command in a guest. An exit code other than 0 is returned as a *session.CodeError
// without a message. When the guest cannot be reached, the error says why and what to do.
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

// exitOf returns the exit code for a command that was ended by cause: 128 plus the number of the
// signal to this process. For any other cause it is that of Ctrl-C.
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
	command := guestCommand(o.Args, o.Shell)
	// The terminal is the user's and the guest's: nothing is cleaned.
	streams := s.Raw()
	command.Stdin, command.Stdout, command.Stderr = streams.In, streams.Out, streams.Err
	command.Env, command.AgentSocket = guestEnvironment(os.Getenv), os.Getenv("SSH_AUTH_SOCK")
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
		return 0, Explain(ctx, s, o, unreachable)
	}
	return code, err
}

// guestCommand turns the arguments into a command as Help describes it, which a shell runs if one
// is named.
func guestCommand(args []string, shell string) vm.Command {
	if shell != "" {
		return vm.Command{Args: inShell(args, shell)}
	}
	if len(args) == 1 {
		return vm.Command{Line: args[0]}
	}
	return vm.Command{Args: args}
}

// inShell is the command that a shell in the guest runs. What the shell starts finds it in SHELL,
// as a login would have it.
func inShell(args []string, shell string) []string {
	run := []string{"env", "SHELL=" + shell, shell}
	switch len(args) {
	case 0:
		return append(run, "-l")
	case 1:
		return append(run, "-c", args[0])
	}
	return append(run, "-c", shellquote.Line(args...))
}
