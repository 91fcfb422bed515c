// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
)

// ErrRunning says that a daemon of the instance runs.
var ErrRunning = errors.New("the daemon is already running")

// Lock takes the lock of an instance's daemon; ErrRunning when a daemon has it.
func Lock(inst instance.Instance) (*flock.Lock, error) {
	lock, err := flock.Try(inst.LockFile())
	if errors.Is(err, flock.ErrLocked) {
		return nil, ErrRunning
	}
	return lock, err
}

// Locked reports whether a daemon has the lock of an instance.
func Locked(inst instance.Instance) (bool, error) { return flock.Held(inst.LockFile()) }

// Without does something while no daemon of the instance can start; ErrRunning when one runs.
func Without(inst instance.Instance, do func() error) error {
	lock, err := Lock(inst)
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Unlock())
}
