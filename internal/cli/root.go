// SPDX-License-Identifier: Apache-2.0

// Package cli holds the commands of rdd, one file per command. A command is a
// client of the API and nothing more; only the hidden serve commands run a
// daemon or a hostagent.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/daemon/wiring"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
)

// Exit codes of rdd.
const (
	ExitError    = 1
	ExitRefused  = 3 // refused by admission or schema
	ExitDeadline = 4 // a wait's deadline passed
	ExitNewer    = 5 // the running daemon is newer than this rdd
)

// exitError carries the exit code a command ends with. Err may be nil: then nothing is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// root is what all commands share.
type root struct {
	streams
	instanceName string
	build        version.Build
	newEngines   wiring.EnginesFunc
}

// Option changes what Main is made of; tests use them.
type Option func(*root)

// WithEngines makes daemons drive other engines.
func WithEngines(f wiring.EnginesFunc) Option { return func(r *root) { r.newEngines = f } }

// WithBuild makes this program another build.
func WithBuild(b version.Build) Option { return func(r *root) { r.build = b } }

// instance resolves the instance that the flags and the environment name.
func (r *root) instance() (instance.Instance, error) { return instance.Resolve(r.instanceName) }

// Main runs rdd with the arguments that follow its name and returns the exit code.
func Main(args []string, options ...Option) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	r := &root{
		streams: streams{in: os.Stdin, out: os.Stdout, err: os.Stderr},
		build:   version.This(), newEngines: newEngines,
	}
	for _, option := range options {
		option(r)
	}
	if calledAsKubectl() {
		args = append([]string{kubectlName}, args...)
	}
	cmd := r.command()
	cmd.SetArgs(args)
	return r.exitCode(cmd.ExecuteContext(ctx))
}

// command builds the tree of commands.
func (r *root) command() *cobra.Command {
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
	cmd.SetIn(r.in)
	cmd.SetOut(r.out)
	cmd.SetErr(r.err)
	cmd.PersistentFlags().StringVar(&r.instanceName, "instance", "", "the rdd instance (default $RDD_INSTANCE or "+instance.DefaultName+")")
	cmd.AddCommand(r.startCommand(), r.stopCommand(), r.setCommand(), r.resetCommand(), r.deleteCommand(), r.statusCommand(), r.whyCommand())
	cmd.AddCommand(r.shellCommand(), r.runCommand(), r.integrationCommand(), r.limavmCommand(), r.imageCommand())
	cmd.AddCommand(r.serviceCommand(), r.ctlCommand(), r.kubectlCommand(), r.versionCommand())
	cmd.AddCommand(r.hostagentCommand(), r.viewsCommand(), r.engineCommand())
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

// exitCode prints err for people and turns it into an exit code.
func (r *root) exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: codeOf(err), err: err}
	}
	if exit.err != nil {
		fmt.Fprintln(r.err, "Error:", exit.err)
	}
	return exit.code
}
