// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/datastore"
)

const (
	// firstBackup is how long after its start the daemon backs the store up, if it has changed: a
	// start has better things to do.
	firstBackup = 10 * time.Second
	// backupInterval is how often it does then, if the store has changed.
	backupInterval = 15 * time.Minute
)

// openStore opens the store; a damaged one is an error that names the ways out.
func (d *daemon) openStore() (*datastore.Store, error) {
	path := d.inst.StoreFile()
	store, err := datastore.Open(path)
	if err == nil || !errors.Is(err, datastore.ErrDamaged) && !errors.Is(err, datastore.ErrRestoring) {
		return store, err
	}
	backups, listErr := datastore.Backups(path)
	if listErr != nil {
		return nil, errors.Join(err, listErr)
	}
	way := "there is no backup"
	if len(backups) > 0 {
		way = fmt.Sprintf("to put the backup of %s in its place: rdd service restore", backups[0].Taken.Local().Format(time.DateTime))
	}
	if errors.Is(err, datastore.ErrDamaged) {
		way += "; to start with an empty store, which knows no VM, move the file away"
	}
	return nil, fmt.Errorf("%w; %s", err, way)
}
