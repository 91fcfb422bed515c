// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// Serve runs the daemon of an instance until ctx ends. It calls prepare first,
// which returns the daemon's arguments. In the background the daemon reports to the process that
// started it whether it is ready. Package serve implements it.
type Serve = func(ctx context.Context, inst instance.Instance, background bool, prepare func() (presence.Arguments, error)) error

// Command is `rdd service`; serve runs the daemon for `rdd service serve`.
func Command(s *session.Session, serve Serve) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Aliases: []string{"svc"},
		Short:   "Manage the control plane of an instance",
		Long: `The control plane is one daemon per instance: the API server with its store, and the controllers. Every
other command starts it when it is not running; VMs run on while it is stopped.`,
		Example: "  rdd service start\n  rdd service status",
	}
	cmd.AddCommand(
		createCommand(s), startCommand(s), serveCommand(s, serve), stopCommand(s),
		deleteCommand(s), resetCommand(s), restoreCommand(s), repairCommand(s),
		statusCommand(s), pathsCommand(s), configCommand(s), logsCommand(s),
	)
	return cmd
}

// printState prints the first line of a command, which scripts look for. state is what it says of
// the control plane, as in "has started".
func printState(s *session.Session, inst instance.Instance, state string) {
	fmt.Fprintf(s.Out, "%q control plane %s\n", inst.ControlPlane(), state)
}
