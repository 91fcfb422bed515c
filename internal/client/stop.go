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

// stopTimeout is how long a daemon that was asked to stop may take; it usually needs a fraction of
// a second.
const stopTimeout = 15 * time.Second

// AskStop asks the daemon to end and does not wait for that; asked is false when it was not
// running.
func AskStop(ctx context.Context, inst instance.Instance) (daemon process.Identity, asked bool, err error) {
	state, record, err := settle(ctx, inst)
	if err != nil || state == Stopped {
		return daemon, false, err
	}
	if err := record.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, process.ErrGone) {
		return daemon, false, fmt.Errorf("stopping the daemon: %w", err)
	}
	return record.Process, true, nil
}

// Stop ends the daemon and waits until it is gone; stopped is false when it was not running. VMs
// are not touched.
func Stop(ctx context.Context, inst instance.Instance) (stopped bool, err error) {
	daemon, asked, err := AskStop(ctx, inst)
	if err != nil || !asked {
		return false, err
	}
	if err := waitOrKill(ctx, daemon); err != nil {
		return false, fmt.Errorf("stopping the daemon: %w", err)
	}
	return true, nil
}

// waitOrKill gives the daemon its time and then ends it: nothing acknowledged is lost by that.
func waitOrKill(ctx context.Context, daemon process.Identity) error {
	bounded, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := daemon.Wait(bounded); err == nil || ctx.Err() != nil {
		return err
	}
	if err := daemon.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, process.ErrGone) {
		return err
	}
	return daemon.Wait(ctx)
}
