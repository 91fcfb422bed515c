// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// Daemon is what the commands need of the daemon's own code, which only package serve links.
type Daemon interface {
	// Serve runs the daemon of the instance until ctx ends; in the background it reports to the process that started it.
	Serve(ctx context.Context, inst instance.Instance, background bool) error
	// Backups lists the backups of the instance's store, the newest first.
	Backups(inst instance.Instance) ([]datastore.Backup, error)
	// Restore puts a backup in the place of the store of an instance whose daemon does not run, and returns where
	// the old store is now.
	Restore(inst instance.Instance, backup datastore.Backup) (aside string, err error)
	// Discard removes the store of an instance whose daemon does not run, with its backups.
	Discard(inst instance.Instance) error
}

// Command is `rdd service`; d is the daemon that it serves, and whose store it looks after.
func Command(s *session.Session, d Daemon) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Aliases: []string{"svc"},
		Short:   "Manage the control plane of an instance",
		Long: `The control plane is one daemon per instance: the API server with its store, and the controllers. Every
other command starts it when it is not running; VMs run on while it is stopped.`,
		Example: "  rdd service start\n  rdd service status",
	}
	cmd.AddCommand(
		createCommand(s), startCommand(s), serveCommand(s, d), stopCommand(s),
		deleteCommand(s), resetCommand(s, d), restoreCommand(s, d),
		statusCommand(s, d), pathsCommand(s), configCommand(s), logsCommand(s),
	)
	return cmd
}
