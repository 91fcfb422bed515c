// SPDX-License-Identifier: Apache-2.0

// Package offline is what is done with the store of an instance, and with its backups, while no
// daemon runs. Making backups is the daemon's own part.
package offline

import (
	"time"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// Backup is a copy of an instance's store.
type Backup = datastore.Backup

// Backups lists the backups of an instance's store, the newest first.
func Backups(inst instance.Instance) ([]Backup, error) { return datastore.Backups(inst.StoreFile()) }

// Restore puts a backup in the place of the store, and returns where the old store is now.
// presence.ErrRunning when a daemon of the instance runs.
func Restore(inst instance.Instance, backup Backup) (aside string, err error) {
	err = presence.Without(inst, func() error {
		aside, err = datastore.Restore(inst.StoreFile(), backup, time.Now())
		return err
	})
	return aside, err
}

// Discard removes the store with its backups. presence.ErrRunning when a daemon of the instance
// runs.
func Discard(inst instance.Instance) error {
	return presence.Without(inst, func() error { return datastore.Discard(inst.StoreFile()) })
}
