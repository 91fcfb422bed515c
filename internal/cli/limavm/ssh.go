// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/shell"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/shellquote"
	"rancherdesktop.io/rdd/internal/vm"
)

func showSSHCommand(s *session.Session) *cobra.Command {
	format := &session.Choice{Value: "cmd", Valid: []string{"cmd", "args", "options", "config"}}
	cmd := &cobra.Command{
		Use:   "show-ssh NAME",
		Short: "Print how ssh reaches a running virtual machine",
		Long: `Show-ssh prints how other programs reach a running virtual machine by ssh:

  cmd      a command line
  args     the same without ssh and the host
  options  each option on a line, as ssh -o takes it
  config   a Host section for ~/.ssh/config`,
		Example: `  rdd limavm show-ssh dev
  eval "$(rdd limavm show-ssh dev)"
  rdd limavm show-ssh --format config dev >> ~/.ssh/config`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: resource.CompleteVM(s),
	}
	cmd.Flags().VarP(format, "format", "f", "what to print")
	_ = cmd.RegisterFlagCompletionFunc(
		"format", cobra.FixedCompletions(format.Valid, cobra.ShellCompDirectiveNoFileComp),
	) // fails for an unknown flag
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		reached, err := sshOf(cmd.Context(), s, args[0])
		if err != nil {
			return err
		}
		text, err := regular.ReadFile(reached.ConfigFile)
		if err != nil {
			return fmt.Errorf("reading how ssh reaches LimaVM %q: %w", args[0], err)
		}
		fmt.Fprintln(s.Out, sshText(format.Value, string(text), reached.Host))
		return nil
	}
	return cmd
}

// sshOf returns how a running guest is reached. The error for one that does not run says what to
// do.
func sshOf(ctx context.Context, s *session.Session, name string) (vm.SSH, error) {
	reporter, err := session.Ability[vm.SSHReporter](s, "say how ssh reaches guests")
	if err != nil {
		return vm.SSH{}, err
	}
	reached, err := reporter.SSH(ctx, name)
	if errors.Is(err, vm.ErrNotFound) || errors.Is(err, vm.ErrNotRunning) {
		err = shell.Explain(ctx, s, shell.Options{Name: name, Start: "rdd limavm start " + name}, &vm.UnreachableError{Reason: err, Err: err})
	}
	return reached, err
}

// sshText writes an OpenSSH client configuration in a format of show-ssh.
func sshText(format, config, host string) string {
	var options []string
	for _, line := range strings.Split(config, "\n") {
		key, value, has := strings.Cut(strings.TrimSpace(line), " ")
		if has && key != "Host" {
			options = append(options, key+"="+value)
		}
	}
	switch format {
	case "config":
		return strings.TrimSpace(config)
	case "options":
		return strings.Join(options, "\n")
	}
	args := ""
	for _, option := range options {
		args += " -o " + quoteWord(option)
	}
	if format == "args" {
		return args[1:]
	}
	return "ssh" + args + " " + host
}

// quoteWord is shellquote.Line for a word that needs it. Others stay as they are, as people read
// them.
func quoteWord(word string) string {
	special := func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
		return !plain
	}
	if word != "" && strings.IndexFunc(word, special) < 0 {
		return word
	}
	return shellquote.Line(word)
}

func tunnelCommand(s *session.Session) *cobra.Command {
	var port uint16
	cmd := &cobra.Command{
		Use:   "tunnel NAME",
		Short: "Open a SOCKS proxy into a virtual machine's network",
		Long: `Tunnel runs a SOCKS proxy on 127.0.0.1 until Ctrl-C. Connections through it begin in the virtual machine, which
must be running: the host reaches what only the guest does, by the guest's names too. It needs the host's ssh.`,
		Example: `  rdd limavm tunnel dev --socks-port 1080
  curl --proxy socks5h://127.0.0.1:1080 http://172.17.0.2/`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: resource.CompleteVM(s),
	}
	cmd.Flags().Uint16Var(&port, "socks-port", 1080, "port of the proxy on 127.0.0.1")
	_ = cmd.RegisterFlagCompletionFunc("socks-port", cobra.NoFileCompletions) // fails for an unknown flag
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return tunnel(cmd.Context(), s, args[0], port) }
	return cmd
}

// tunnel replaces this process by ssh, which serves the proxy.
func tunnel(ctx context.Context, s *session.Session, name string, port uint16) error {
	if port == 0 {
		return errors.New("--socks-port must be between 1 and 65535")
	}
	reached, err := sshOf(ctx, s, name)
	if err != nil {
		return err
	}
	ssh, err := process.LookPath("ssh")
	if err != nil {
		return errors.New("this host has no ssh command; to install it: sudo apt-get install openssh-client")
	}
	code, err := process.Replace(ssh, tunnelArgs(reached, name, port), os.Environ())
	if err != nil {
		return fmt.Errorf("running ssh: %w", err)
	}
	return &session.CodeError{Code: code}
}

// tunnelArgs are the arguments of ssh. ssh itself prints how to use the proxy, by a local command:
// it runs that once it listens.
func tunnelArgs(reached vm.SSH, name string, port uint16) []string {
	ready := fmt.Sprintf("A SOCKS proxy into LimaVM %q is socks5h://127.0.0.1:%d. Ctrl-C ends it.", name, port)
	return []string{
		"ssh", "-F", reached.ConfigFile, "-N", "-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=30",
		"-o", "PermitLocalCommand=yes", "-o", "LocalCommand=exec " + shellquote.Line("/bin/sh", "-c", `echo "$0" >&2`, ready),
		"-D", fmt.Sprintf("127.0.0.1:%d", port), reached.Host,
	}
}
