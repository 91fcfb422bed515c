// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
)

// Command is `rdd limavm`.
func Command(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "limavm",
		Aliases: []string{"lima", "vm"},
		Short:   "Work with any virtual machine",
		Long: `Limavm works with LimaVMs, of which the App's is one. A NAME is looked up over all namespaces, as LimaVM
names are unique across them.

Commands that change something wait until it is so and show what they wait for. Ctrl-C ends the waiting only.`,
		Example: `  rdd limavm create dev ./dev.yaml --start
  rdd limavm list
  rdd limavm shell dev uname -a
  rdd limavm delete dev`,
	}
	cmd.AddCommand(createCommand(s), startCommand(s), stopCommand(s), restartCommand(s), resetCommand(s),
		deleteCommand(s), adoptCommand(s), editCommand(s), paramsCommand(s), protectCommand(s), unprotectCommand(s),
		listCommand(s), logsCommand(s), shellCommand(s), copyCommand(s), showSSHCommand(s), tunnelCommand(s),
		templateCommand(s))
	return cmd
}

// changeCommand completes a command that changes the LimaVM NAME and waits: it adds the argument,
// its completion, --wait and --timeout, and runs do with the LimaVM.
func changeCommand(
	s *session.Session, cmd *cobra.Command, timeout time.Duration, do func(context.Context, *client.Client, *limav1.LimaVM, bool) error,
) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = resource.CompleteVM(s)
	return session.WithWait(cmd, timeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := s.Connect(ctx)
		if err != nil {
			return err
		}
		machine, err := resource.FindVM(ctx, c, args[0])
		if err != nil {
			return err
		}
		return do(ctx, c, machine, wait)
	})
}
