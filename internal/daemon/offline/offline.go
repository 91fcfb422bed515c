// SPDX-License-Identifier: Apache-2.0

// Package offline restores and removes the store of an instance while no daemon runs. Backups are
// made by the daemon.
//
// It is tested by the scripts of internal/cli; the store itself in internal/datastore.
package offline

import (
	"time"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// Backup is a copy of an instance's store.
type Backup = datastore.Backup

// Backups returns the backups of an instance's store, the newest first.
func Backups(inst instance.Instance) ([]Backup, error) { return datastore.Backups(inst.StoreFile()) }

// Restore replaces the store by a backup, and returns the new path of the old store. It returns
// presence.ErrRunning when a daemon of the instance runs.
func Restore(inst instance.Instance, backup Backup) (aside string, err error) {
	err = presence.Without(inst, func() error {
		aside, err = datastore.Restore(inst.StoreFile(), backup, time.Now())
		return err
	})
	return aside, err
}

// Discard removes the store and its backups. It returns presence.ErrRunning when a daemon of the
// instance runs.
func Discard(inst instance.Instance) error {
	return presence.Without(inst, func() error { return datastore.Discard(inst.StoreFile()) })
}
