// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// daemonCode gives the service commands the daemon's own code.
type daemonCode struct {
	session *session.Session
	engines daemon.EnginesFunc
}

// Serve runs the daemon of the instance until ctx ends.
func (d *daemonCode) Serve(ctx context.Context, inst instance.Instance, background bool) error {
	docker, err := session.DockerEnvironment()
	if err != nil {
		return err
	}
	options := daemon.Options{Instance: inst, Build: d.session.Build, Docker: docker, Background: background}
	return daemon.Serve(ctx, options, d.engines)
}

// Backups lists the backups of the instance's store, the newest first.
func (d *daemonCode) Backups(inst instance.Instance) ([]datastore.Backup, error) {
	return daemon.Backups(inst)
}

// Restore puts a backup in the place of the store, and returns where the old store is now.
func (d *daemonCode) Restore(inst instance.Instance, backup datastore.Backup) (aside string, err error) {
	return daemon.Restore(inst, backup)
}

// Discard removes the instance's store with its backups.
func (d *daemonCode) Discard(inst instance.Instance) error { return daemon.Discard(inst) }
