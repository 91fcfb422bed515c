// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/process"
)

// HostagentAlive reports whether the instance's hostagent is alive: whether its lock is held. When
// the lock's file was removed, the process that run names is the hostagent if its command line says
// so. When run.json is lost as well, and run is empty, it is found by its socket.
func (d Dir) HostagentAlive(run Run) (bool, error) {
	held, err := Held(d.HostagentLock())
	if err != nil || held {
		return held, err
	}
	if run.StartID == "" {
		_, err := d.FindHostagent()
		return err == nil, nil
	}
	return run.Hostagent != nil && d.IsHostagent(*run.Hostagent), nil
}

// QEMUAlive reports likewise whether the instance's QEMU is alive.
func (d Dir) QEMUAlive(run Run) (bool, error) {
	held, err := Held(d.QEMULock())
	if err != nil || held {
		return held, err
	}
	if run.StartID == "" {
		return d.hasQEMU()
	}
	return run.QEMU != nil && d.isQEMU(*run.QEMU), nil
}

// hasQEMU reports whether a QEMU of the instance runs, by the command lines of this user's
// processes. To ask its socket is no way: QEMU serves one connection at a time. Without a socket
// nothing is searched for, as the machine was never started.
func (d Dir) hasQEMU() (bool, error) {
	if _, err := os.Lstat(d.QMPSocket()); err != nil {
		return false, nil //nolint:nilerr // it is not there
	}
	pids, err := process.OwnMatching(d.usedBy)
	if err != nil {
		return false, fmt.Errorf("looking for QEMU: %w", err)
	}
	return len(pids) > 0, nil
}

// IsHostagent reports whether a process is a hostagent of the instance. The command line of a
// process that is ending is empty.
func (d Dir) IsHostagent(id process.Identity) bool {
	args, err := process.CommandLine(id.PID)
	return err == nil && d.servedBy(args) && id.Alive()
}

func (d Dir) isQEMU(id process.Identity) bool {
	args, err := process.CommandLine(id.PID)
	return err == nil && d.usedBy(args) && id.Alive()
}

// servedBy reports whether a command line is that of the instance's hostagent.
func (d Dir) servedBy(args []string) bool {
	return slices.Contains(args, "hostagent") && slices.Contains(args, d.Name())
}

// usedBy reports whether a command line is that of a QEMU with the instance's control socket.
func (d Dir) usedBy(args []string) bool {
	return len(args) > 0 && strings.HasPrefix(filepath.Base(args[0]), "qemu-system-") &&
		slices.ContainsFunc(args, func(arg string) bool { return strings.Contains(arg, d.QMPSocket()) })
}

// Held is flock.Held. What cannot be a lock's file is not held: a directory, a socket.
func Held(path string) (bool, error) {
	if !lockable(path) {
		return false, nil
	}
	return flock.Held(path)
}

// TryLock is flock.Try. What cannot be a lock's file is set apart.
func TryLock(path string) (*flock.Lock, error) {
	if err := clearLock(path); err != nil {
		return nil, err
	}
	return flock.Try(path)
}

// WaitLock is flock.Wait. What cannot be a lock's file is set apart.
func WaitLock(ctx context.Context, path string) (*flock.Lock, error) {
	if err := clearLock(path); err != nil {
		return nil, err
	}
	return flock.Wait(ctx, path)
}

func clearLock(path string) error {
	if lockable(path) {
		return nil
	}
	return SetApart(path)
}

// lockable reports whether a path is, or can become, a lock's file. A FIFO can be locked, too.
func lockable(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !info.IsDir() && info.Mode()&fs.ModeSocket == 0
}
