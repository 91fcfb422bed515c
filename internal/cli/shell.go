// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/sshx"
)

const (
	// dialTimeout bounds the login into a guest, which may be slow under emulation.
	dialTimeout = 30 * time.Second
	sshConfig   = "ssh.config"
	// exitInterrupted is what a shell reports for a command that Ctrl-C ended: 128 + SIGINT.
	exitInterrupted = 130
)

const shellLong = `Without CMD it is a login shell. A single CMD is a line for the guest's shell, as with ssh; of several,
each arrives as it was given: 'a b' stays one argument. A terminal is used when there is one, the exit code is the command's.`

func (r *root) shellCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shell [CMD…]",
		Short: "Run a shell or a command in the VM",
		Long:  "Shell runs a command in the App's VM, which must be running.\n\n" + shellLong,
		Example: `  rdd shell
  rdd shell uname -a
  rdd shell 'cd /tmp && ls | wc -l'
  rdd shell cat /etc/os-release > os-release`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.shell(cmd.Context(), appv1.LimaVMName, "rdd start", args)
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func (r *root) limavmShellCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "shell NAME [CMD…]",
		Short:             "Run a shell or a command in a virtual machine",
		Long:              "Shell runs a command in a virtual machine, which must be running.\n\n" + shellLong,
		Example:           "  rdd limavm shell dev\n  rdd limavm shell dev journalctl -b",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: r.completeVM,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.shell(cmd.Context(), args[0], "rdd limavm start "+args[0], args[1:])
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// shell goes to the guest directly: it needs no daemon. start is the command that starts the VM.
func (r *root) shell(ctx context.Context, name, start string, args []string) error {
	guest, err := r.dialGuest(ctx, name)
	if err != nil {
		return r.explainUnreachable(ctx, name, start, err)
	}
	defer func() { _ = guest.Close() }()
	command := guestCommand(args)
	command.Stdin, command.Stdout, command.Stderr = r.in, r.out, r.err
	code, err := r.runInGuest(ctx, guest, command)
	if ctx.Err() != nil {
		return &exitError{code: exitInterrupted}
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// guestCommand reads the arguments as shellLong says.
func guestCommand(args []string) sshx.Command {
	if len(args) == 1 {
		return sshx.Command{Line: args[0]}
	}
	return sshx.Command{Args: args}
}

func (r *root) dialGuest(ctx context.Context, name string) (*ssh.Client, error) {
	inst, err := r.instance()
	if err != nil {
		return nil, err
	}
	config, err := sshx.ReadConfig(filepath.Join(inst.LimaHome(), filepath.Base(name), sshConfig))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return sshx.Dial(ctx, config)
}

// explainUnreachable asks the API why a guest cannot be reached.
func (r *root) explainUnreachable(ctx context.Context, name, start string, cause error) error {
	var refused *net.OpError
	if !errors.Is(cause, fs.ErrNotExist) && !errors.As(cause, &refused) && !errors.Is(cause, sshx.ErrHostKey) {
		return fmt.Errorf("reaching LimaVM %q: %w", name, cause)
	}
	exists, err := r.instanceExists()
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("LimaVM %q does not exist; to make and start it: %s", name, start)
	}
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	machine, err := findVM(ctx, c, name)
	if err != nil {
		return err
	}
	running := conditionText(machine.Status.Conditions, appv1.ConditionRunning)
	return fmt.Errorf("LimaVM %q is not running (%s); to start it: %s", name, running.Reason, start)
}

// runInGuest runs a command with a terminal when standard input and output are one.
func (r *root) runInGuest(ctx context.Context, guest *ssh.Client, command sshx.Command) (int, error) {
	in, inOK := r.in.(*os.File)
	out, outOK := r.out.(*os.File)
	if !inOK || !outOK || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return sshx.Run(ctx, guest, command)
	}
	restore, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return 0, fmt.Errorf("preparing the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), restore) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command.TTY = &sshx.TTY{Term: os.Getenv("TERM"), Size: terminalSize(out), Resized: resizes(ctx, out)}
	return sshx.Run(ctx, guest, command)
}

func terminalSize(f *os.File) sshx.Size {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return sshx.Size{Columns: 80, Rows: 24}
	}
	return sshx.Size{Columns: columns, Rows: rows}
}
