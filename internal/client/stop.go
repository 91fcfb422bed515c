// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
)

// patience is how long a daemon that was told to stop may take; it usually needs a fraction of a second.
const patience = 15 * time.Second

// Stop ends the daemon and waits until it is gone; stopped is false when it was not running. VMs are not touched.
func Stop(ctx context.Context, inst instance.Instance) (stopped bool, err error) {
	state, record, err := settle(ctx, inst)
	if err != nil || state == Stopped {
		return false, err
	}
	if err := record.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, process.ErrGone) {
		return false, fmt.Errorf("stopping the daemon: %w", err)
	}
	if err := waitOrKill(ctx, record.Process); err != nil {
		return false, fmt.Errorf("stopping the daemon: %w", err)
	}
	return true, nil
}

// waitOrKill gives the daemon its time and then ends it: nothing acknowledged is lost by that.
func waitOrKill(ctx context.Context, daemon process.Identity) error {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := daemon.Wait(patient); err == nil || ctx.Err() != nil {
		return err
	}
	if err := daemon.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, process.ErrGone) {
		return err
	}
	return daemon.Wait(ctx)
}
