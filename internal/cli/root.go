// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/app"
	"rancherdesktop.io/rdd/internal/cli/ctl"
	"rancherdesktop.io/rdd/internal/cli/hostconfig"
	"rancherdesktop.io/rdd/internal/cli/image"
	"rancherdesktop.io/rdd/internal/cli/limavm"
	"rancherdesktop.io/rdd/internal/cli/serve"
	"rancherdesktop.io/rdd/internal/cli/service"
	"rancherdesktop.io/rdd/internal/cli/why"
)

// command builds the tree of commands.
func (p *program) command() *cobra.Command {
	s := p.session
	cmd := &cobra.Command{
		Use:   "rdd",
		Short: "Rancher Desktop Daemon: virtual machines with Docker, driven through a Kubernetes API",
		Long: `rdd runs virtual machines with Docker on this computer. What you ask for is kept in a small Kubernetes API, and rdd makes it so.
VMs run on while rdd itself is stopped, restarted or upgraded.`,
		Example: `  rdd start                           # make and start the VM, the first time takes some minutes
  rdd run docker run --rm hello-world # a command of this host, with the VM's Docker
  rdd shell                           # inside the VM
  rdd why                             # what is in the way when it does not run
  rdd --instance work start           # another, independent instance
  rdd stop`,
		SilenceUsage:  true,
		SilenceErrors: true,
		// Flags before a subcommand are rdd's own, also where all that follows is kubectl's.
		TraverseChildren: true,
	}
	cmd.SetIn(s.In)
	cmd.SetOut(s.Out)
	cmd.SetErr(s.Err)
	p.addRootFlags(cmd)
	cmd.AddCommand(app.Commands(s)...)
	cmd.AddCommand(ctl.Commands(s)...)
	cmd.AddCommand(serve.Commands(s)...)
	cmd.AddCommand(
		why.Command(s), hostconfig.Command(s), limavm.Command(s), image.Command(s),
		service.Command(s, serve.Daemon(s, p.engines)), versionCommand(s),
	)
	groupCommands(cmd)
	addCompletion(cmd)
	refuseUnknown(cmd)
	checkOwners(s, cmd)
	return cmd
}

// groupCommands puts the commands into the groups of the help text.
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
