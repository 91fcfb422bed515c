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

// stopTimeout is how long a daemon may take to stop before it is killed. It usually needs a
// fraction of a second.
const stopTimeout = 15 * time.Second

// AskStop sends the daemon SIGTERM and does not wait for its exit. If the daemon is starting or
// stopping it waits for that first. asked is false when the daemon was not running.
func AskStop(ctx context.Context, inst instance.Instance) (daemon process.Identity, asked bool, err error) {
	state, record, err := waitWhileChanging(ctx, inst)
	if err != nil || state == Stopped {
		return daemon, false, err
	}
	if err := record.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, process.ErrGone) {
		return daemon, false, fmt.Errorf("stopping the daemon: %w", err)
	}
	return record.Process, true, nil
}

// Stop stops the daemon and waits until it has exited. A daemon that does not stop within 15
// seconds is killed. stopped is false when it was not running. VMs keep running.
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

// waitOrKill waits for the daemon's exit, and kills it after stopTimeout. The store loses nothing
// that was acknowledged.
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
