// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"context"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// Engines do the work of an instance on the host.
type Engines = daemon.Engines

// EnginesFunc makes the engines of an instance.
type EnginesFunc = daemon.EnginesFunc

// Controllers lists the controllers that a daemon can run.
func Controllers() []string { return daemon.ControllerNames() }

// Daemon gives the service commands the daemon's own code.
type Daemon struct {
	Session *session.Session
	// NewEngines makes the engines that the daemon drives.
	NewEngines EnginesFunc
}

// Serve runs the daemon of the instance until ctx ends. In the background it reports to the process that
// started it.
func (d *Daemon) Serve(ctx context.Context, inst instance.Instance, background bool) error {
	docker, err := session.DockerEnvironment()
	if err != nil {
		return err
	}
	options := daemon.Options{Instance: inst, Build: d.Session.Build, Docker: docker, Background: background}
	return daemon.Serve(ctx, options, d.NewEngines)
}

// Backups lists the backups of the instance's store, the newest first.
func (d *Daemon) Backups(inst instance.Instance) ([]datastore.Backup, error) {
	return daemon.Backups(inst)
}

// Restore puts a backup in the place of the store, and returns where the old store is now. It is an error
// that the daemon runs.
func (d *Daemon) Restore(inst instance.Instance, backup datastore.Backup) (aside string, err error) {
	return daemon.Restore(inst, backup)
}

// Discard removes the instance's store with its backups. It is an error that the daemon runs.
func (d *Daemon) Discard(inst instance.Instance) error { return daemon.Discard(inst) }
