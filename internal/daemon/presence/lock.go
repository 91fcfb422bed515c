// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/instance"
)

// ErrRunning says that a daemon of the instance runs already.
var ErrRunning = errors.New("the daemon is already running")

// Lock takes the lock of an instance's daemon without waiting. It returns ErrRunning when a daemon
// has it.
func Lock(inst instance.Instance) (*flock.Lock, error) {
	lock, err := flock.Try(inst.LockFile())
	if errors.Is(err, flock.ErrLocked) {
		return nil, ErrRunning
	}
	return lock, err
}

// Locked reports whether a daemon has the lock of an instance.
func Locked(inst instance.Instance) (bool, error) { return flock.Held(inst.LockFile()) }

// Without calls do while no daemon of the instance can start. It returns ErrRunning, without
// calling do, when a daemon runs.
func Without(inst instance.Instance, do func() error) error {
	lock, err := Lock(inst)
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Unlock())
}
