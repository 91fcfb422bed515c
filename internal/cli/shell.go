// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/why/explain"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/qemu/shell"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// exitInterrupted is what a shell reports for a command that Ctrl-C ended: 128 + SIGINT.
	exitInterrupted = 130
	exitTerminated  = 143
)

const shellLong = `Without CMD it is a login shell. A single CMD is a line for the guest's shell, as with ssh; of several,
each arrives as it was given: 'a b' stays one argument. A terminal is used when there is one, the exit code is the command's, and
128 + the signal's number when a signal ended it. Input and output pass unchanged.

It begins in --workdir; else, if the directory you are in is mounted in the guest, there; else in the guest's home.`

// shellOptions say how to run a command in a guest.
type shellOptions struct {
	// name of the LimaVM, start is the command that starts it.
	name, start string
	// workdir in the guest; empty: where the user is, if that is mounted there.
	workdir string
	args    []string
}

func addWorkdir(cmd *cobra.Command, o *shellOptions) {
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&o.workdir, "workdir", "w", "", "directory in the guest to begin in")
}

func shellCommand(s *session.Session) *cobra.Command {
	o := shellOptions{name: appv1.LimaVMName, start: "rdd start"}
	cmd := &cobra.Command{
		Use:   "shell [CMD…]",
		Short: "Run a shell or a command in the VM",
		Long:  "Shell runs a command in the App's VM, which must be running.\n\n" + shellLong,
		Example: `  rdd shell
  rdd shell uname -a
  rdd shell 'cd /tmp && ls | wc -l'
  rdd shell --workdir /etc cat os-release > os-release`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args = args
			return runInVM(cmd.Context(), s, o)
		},
	}
	addWorkdir(cmd, &o)
	return cmd
}

func limavmShellCommand(s *session.Session) *cobra.Command {
	o := shellOptions{}
	cmd := &cobra.Command{
		Use:               "shell NAME [CMD…]",
		Short:             "Run a shell or a command in a virtual machine",
		Long:              "Shell runs a command in a virtual machine, which must be running.\n\n" + shellLong,
		Example:           "  rdd limavm shell dev\n  rdd limavm shell dev journalctl -b\n  rdd limavm shell --workdir /srv dev make",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: resource.CompleteVM(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name, o.start, o.args = args[0], "rdd limavm start "+args[0], args[1:]
			return runInVM(cmd.Context(), s, o)
		},
	}
	addWorkdir(cmd, &o)
	return cmd
}

// runInVM goes to the guest directly: it needs no daemon.
func runInVM(ctx context.Context, s *session.Session, o shellOptions) error {
	command := guestCommand(o.args)
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

// guestCommand reads the arguments as shellLong says.
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

// beginIn is the line that changes into the directory to begin in; empty for the guest's home.
func beginIn(s *session.Session, o shellOptions) string {
	if o.workdir != "" {
		return "cd " + sshx.Quote(o.workdir) + " || exit 1\n"
	}
	if dir := mountedWorkdir(s, o.name); dir != "" {
		return "cd " + sshx.Quote(dir) + " 2>/dev/null\n"
	}
	return ""
}

// mountedWorkdir is where the guest has the directory that this process is in; empty when it has not. What
// cannot be found out is no reason not to open a shell.
func mountedWorkdir(s *session.Session, name string) string {
	inst, err := s.Instance()
	if err != nil {
		return ""
	}
	here, err := os.Getwd()
	if err != nil {
		return ""
	}
	dir := vmdir.In(inst.LimaHome(), name)
	record, err := dir.ReadRecord()
	if err != nil {
		return ""
	}
	start, err := dir.ReadStart()
	if err != nil {
		return ""
	}
	t, err := guest.Template(dir, record, start)
	if err != nil {
		return ""
	}
	return mountedAt(here, t.Mounts)
}

// mountedAt is where the deepest mount that holds dir shows it.
func mountedAt(dir string, mounts []template.Mount) string {
	best, at := "", ""
	for _, m := range mounts {
		rest, err := filepath.Rel(m.Location, dir)
		if err != nil || !filepath.IsLocal(rest) || len(m.Location) < len(best) {
			continue
		}
		best, at = m.Location, path.Join(m.MountPoint, filepath.ToSlash(rest))
	}
	return at
}

// guestEnvironment is what of the host's environment holds in the guest too: that text is UTF-8 (the guest need not
// have the host's locale, but every guest has C.UTF-8), and what the terminal can do.
func guestEnvironment(get func(string) string) map[string]string {
	env := map[string]string{}
	charset := cmp.Or(get("LC_ALL"), get("LC_CTYPE"), get("LANG"))
	if normal := strings.ToLower(strings.ReplaceAll(charset, "-", "")); strings.HasSuffix(normal, ".utf8") {
		env["LANG"] = "C.UTF-8"
	}
	for _, name := range []string{"COLORTERM", "NO_COLOR"} {
		if value := get(name); value != "" {
			env[name] = value
		}
	}
	return env
}

// explainUnreachable asks the API why a guest cannot be reached.
func explainUnreachable(ctx context.Context, s *session.Session, name, start string, cause error) error {
	var refused *net.OpError
	if !errors.Is(cause, fs.ErrNotExist) && !errors.As(cause, &refused) && !errors.Is(cause, sshx.ErrHostKey) {
		return fmt.Errorf("reaching LimaVM %q: %w", name, cause)
	}
	exists, err := s.InstanceExists()
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("LimaVM %q does not exist; to make and start it: %s", name, start)
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	machine, err := resource.FindVM(ctx, c, name)
	if err != nil {
		return err
	}
	state := explain.Machine(machine, nil)
	if machine.Spec.Running {
		return fmt.Errorf("LimaVM %q cannot be reached yet (%s); to wait for it: %s; to see what is in the way: rdd why %s",
			name, state.Text(time.Now()), start, name)
	}
	return fmt.Errorf("LimaVM %q is not running (%s); to start it: %s", name, state.State, start)
}

// runInGuest runs a command with a terminal when standard input and output are one. Without, it is let in by the
// hostagent if that can, which is quicker; a session on a terminal is to outlive the hostagent.
func runInGuest(ctx context.Context, s *session.Session, o shellOptions, command sshx.Command) (int, error) {
	in, inOK := s.In.(*os.File)
	out, outOK := s.Out.(*os.File)
	inst, err := s.Instance()
	if err != nil {
		return 0, err
	}
	dir := vmdir.In(inst.LimaHome(), filepath.Base(o.name))
	terminal := inOK && outOK && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
	if !terminal {
		code, done, err := shell.Relayed(ctx, dir, command)
		if done {
			return code, err
		}
	}
	connection, err := shell.Login(ctx, dir)
	if err != nil {
		return 0, explainUnreachable(ctx, s, o.name, o.start, err)
	}
	defer func() { _ = connection.Close() }()
	if !terminal {
		return sshx.Run(ctx, connection, command)
	}
	return runOnTerminal(ctx, connection, command, in, out)
}

func runOnTerminal(ctx context.Context, connection *ssh.Client, command sshx.Command, in, out *os.File) (int, error) {
	restore, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return 0, fmt.Errorf("preparing the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(in.Fd()), restore) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command.TTY = &sshx.TTY{Term: os.Getenv("TERM"), Size: terminalSize(out), Resized: resizes(ctx, out)}
	return sshx.Run(ctx, connection, command)
}

func terminalSize(f *os.File) sshx.Size {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return sshx.Size{Columns: 80, Rows: 24}
	}
	return sshx.Size{Columns: columns, Rows: rows}
}
