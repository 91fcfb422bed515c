// SPDX-License-Identifier: Apache-2.0

// Package offline restores and removes the store of an instance while no daemon runs. Backups are
// made by the daemon.
//
// It is tested by the scripts of internal/cli; the store itself in internal/datastore.
package offline

import (
	"context"
	"time"

	"rancherdesktop.io/rdd/internal/apiserver/rows"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/internal/instance"
)

// Backup is a copy of an instance's store.
type Backup = datastore.Backup

// Backups returns the backups of an instance's store, the newest first.
func Backups(inst instance.Instance) ([]Backup, error) { return datastore.Backups(inst.StoreFile()) }

// changed changes the store while no daemon of the instance can start. What a daemon failed of
// before says nothing of the store as it is now, and is forgotten.
func changed(inst instance.Instance, do func() error) error {
	return presence.Without(inst, func() error {
		if err := do(); err != nil {
			return err
		}
		return presence.ForgetFailure(inst)
	})
}

// Restore replaces the store by a backup, and returns the new path of the old store. It returns
// presence.ErrRunning when a daemon of the instance runs.
func Restore(inst instance.Instance, backup Backup) (aside string, err error) {
	err = changed(inst, func() error {
		aside, err = datastore.Restore(inst.StoreFile(), backup, time.Now())
		return err
	})
	return aside, err
}

// Renew lets the next start begin with an empty store. It returns where the old one is now; nowhere
// when there was none. Backups stay. presence.ErrRunning when a daemon of the instance runs.
func Renew(inst instance.Instance) (aside string, err error) {
	err = changed(inst, func() error {
		aside, err = datastore.Renew(inst.StoreFile(), time.Now())
		return err
	})
	return aside, err
}

// Discard removes the store and its backups. It returns presence.ErrRunning when a daemon of the
// instance runs.
func Discard(inst instance.Instance) error {
	return changed(inst, func() error {
		// First: from now on nothing says any more that a store is missing.
		if err := presence.NoteStore(inst, false); err != nil {
			return err
		}
		return datastore.Discard(inst.StoreFile())
	})
}

// BadRow is an object in the store that cannot be read.
type BadRow = datastore.BadRow

// BadRows lists the rows of the store that cannot be read, while a daemon runs or not.
func BadRows(ctx context.Context, inst instance.Instance) ([]BadRow, error) {
	return datastore.BadRows(ctx, inst.StoreFile(), rows.Check)
}

// Quarantine sets the rows of a key aside, in a table of the store's own file. presence.ErrRunning
// when a daemon of the instance runs.
func Quarantine(ctx context.Context, inst instance.Instance, key string) error {
	return changed(inst, func() error { return datastore.Quarantine(ctx, inst.StoreFile(), key, time.Now()) })
}

// QuarantineTable is where Quarantine keeps rows.
const QuarantineTable = datastore.QuarantineTable
