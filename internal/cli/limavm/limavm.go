// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
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
		deleteCommand(s), adoptCommand(s), editCommand(s), paramsCommand(s), renameCommand(s), protectCommand(s),
		unprotectCommand(s), listCommand(s), logsCommand(s), shellCommand(s), copyCommand(s), showSSHCommand(s), tunnelCommand(s),
		templateCommand(s), diskCommand(s))
	return cmd
}

// connect is Session.Connect for a command about the LimaVM name, which does not exist where there
// is no instance. It makes none then.
func connect(ctx context.Context, s *session.Session, name string) (*client.Client, error) {
	exists, err := s.InstanceExists()
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, missingInstance(s, name)
	}
	return s.Connect(ctx)
}

func missingInstance(s *session.Session, name string) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	return fmt.Errorf("LimaVM %q does not exist: neither does instance %s", name, inst.Name)
}

// changeCommand completes a command that changes the LimaVM NAME and waits: it adds the argument,
// its completion, --wait and --timeout, and runs do with the LimaVM.
func changeCommand(
	s *session.Session, cmd *cobra.Command, timeout time.Duration, do func(context.Context, *client.Client, *limav1.LimaVM, bool) error,
) *cobra.Command {
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgsFunction = resource.CompleteVM(s)
	return session.WithWait(cmd, timeout, func(ctx context.Context, args []string, wait bool) error {
		c, err := connect(ctx, s, args[0])
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
