// SPDX-License-Identifier: Apache-2.0

// Package cli holds the commands of rdd, one file per command. A command is a
// client of the API and nothing more; only the hidden serve commands run a
// daemon or a hostagent.
package cli

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
)

// program is what Main is made of.
type program struct {
	session *session.Session
	engines daemon.EnginesFunc
}

// Option changes what Main is made of; tests use them.
type Option func(*program)

// WithEngines makes daemons drive other engines.
func WithEngines(f daemon.EnginesFunc) Option { return func(p *program) { p.engines = f } }

// WithBuild makes this program another build.
func WithBuild(b version.Build) Option { return func(p *program) { p.session.Build = b } }

// Main runs rdd with the arguments that follow its name and returns the exit code.
func Main(args []string, options ...Option) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	p := &program{
		session: &session.Session{
			Streams: session.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr},
			Build:   version.This(), Controllers: daemon.ControllerNames(),
		},
		engines: newEngines,
	}
	for _, option := range options {
		option(p)
	}
	if calledAsKubectl() {
		args = append([]string{kubectlName}, args...)
	}
	cmd := p.command()
	cmd.SetArgs(args)
	return p.session.ExitCode(cmd.ExecuteContext(ctx))
}

// command builds the tree of commands.
func (p *program) command() *cobra.Command {
	r := p.session
	cmd := &cobra.Command{
		Use:   "rdd",
		Short: "Rancher Desktop Daemon: virtual machines with Docker, driven through a Kubernetes API",
		Long: `rdd runs virtual machines with Docker on this computer. What you ask for is kept in a small Kubernetes API, and rdd makes it so.
VMs run on while rdd itself is stopped, restarted or upgraded.`,
		Example: `  rdd start                           # make and start the VM, the first time takes some minutes
  rdd run docker run --rm hello-world # a command of this host, with the VM's Docker
  rdd shell                           # inside the VM
  rdd why                             # what is in the way when it does not run
  rdd stop`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// Flags before a subcommand are rdd's own, also where all that follows is kubectl's.
		TraverseChildren: true,
	}
	cmd.SetIn(r.In)
	cmd.SetOut(r.Out)
	cmd.SetErr(r.Err)
	cmd.PersistentFlags().StringVar(&r.InstanceName, "instance", "", "the rdd instance (default $RDD_INSTANCE or "+instance.DefaultName+")")
	cmd.AddCommand(startCommand(r), stopCommand(r), setCommand(r), resetCommand(r), deleteCommand(r), statusCommand(r), whyCommand(r))
	cmd.AddCommand(shellCommand(r), runCommand(r), integrationCommand(r), limavmCommand(r), imageCommand(r))
	cmd.AddCommand(serviceCommand(r, &daemonCode{session: r, engines: p.engines}), ctlCommand(r), kubectlCommand(r), versionCommand(r))
	cmd.AddCommand(hostagentCommand(r), viewsCommand(r), engineCommand(r))
	groupCommands(cmd)
	addCompletion(cmd)
	refuseUnknown(cmd)
	for _, group := range cmd.Commands() {
		refuseUnknown(group)
	}
	return cmd
}

// groupCommands sorts the commands for the help text by what they are about.
func groupCommands(tree *cobra.Command) {
	for _, group := range []struct{ id, title, commands string }{
		{"app", "The VM with Docker:", "start stop set reset delete shell run integration"},
		{"see", "What there is and what is in the way:", "status why"},
		{"vm", "Any virtual machine, and its image:", "limavm image"},
		{"service", "The control plane and its API:", "service ctl kubectl"},
	} {
		tree.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, cmd := range tree.Commands() {
			if slices.Contains(strings.Fields(group.commands), cmd.Name()) {
				cmd.GroupID = group.id
			}
		}
	}
}

// refuseUnknown makes an unknown subcommand of a group of commands an error, not a request for help.
func refuseUnknown(group *cobra.Command) {
	if group.HasSubCommands() && !group.Runnable() {
		group.Args = cobra.NoArgs
		group.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}
