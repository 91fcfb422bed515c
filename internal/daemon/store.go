// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/datastore"
)

const (
	// firstBackup is the time from the daemon's start to the first backup of the store. The delay
	// keeps the start quick. A store that has not changed is not backed up.
	firstBackup = 10 * time.Second
	// backupInterval is the time between two backups after that.
	backupInterval = 15 * time.Minute
)

// openStore opens the store. The error for a damaged store says what can be done.
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
