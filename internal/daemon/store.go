// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"time"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/datastore"
)

const (
	// firstBackup is the time from the daemon's start to the first backup of the store. The delay
	// keeps the start quick. A store that has not changed is not backed up.
	firstBackup = 10 * time.Second
	// backupInterval is the time between two backups after that.
	backupInterval = 15 * time.Minute
	// verifyInterval is how often all rows of the store are read while the daemon runs.
	verifyInterval = 24 * time.Hour
)

// verifyStore has all rows of the store read, at once and then every day. The channel it returns is
// closed when they were read for the first time. A bad row fails the daemon until then: an API
// server that waits for it would never be ready. One that is found later is reported.
func (d *daemon) verifyStore(store *datastore.Store) (verified <-chan struct{}) {
	done := make(chan struct{})
	d.parts.Run("objects in the store", func(ctx context.Context) error {
		if err := store.Verify(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		close(done)
		store.KeepVerified(ctx, verifyInterval, verifyInterval, func(err error) {
			klog.ErrorS(err, "Not all objects in the store can be read")
		})
		return nil
	})
	return done
}

// keepBackups backs the store up.
func (d *daemon) keepBackups(store *datastore.Store) {
	d.parts.Run("store backups", func(ctx context.Context) error {
		return store.KeepBackups(ctx, firstBackup, backupInterval, func(err error) { klog.ErrorS(err, "The store was not backed up") })
	})
}
