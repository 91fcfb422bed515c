// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"io/fs"

	"rancherdesktop.io/rdd/internal/flock"
)

// Adopt implements vm.Adopter: it starts a hostagent for a QEMU without one, and gives a machine
// that is stopped the files of its image that it lacks.
func (e *Engine) Adopt(_ context.Context, name string) (begun bool, err error) {
	i := e.instance(name)
	orphaned, err := i.orphaned()
	if err != nil {
		return false, err
	}
	if !orphaned {
		return false, i.keepOwn()
	}
	// Locked only now: a call for a machine that is served must not wait for other calls.
	defer i.lock()()
	if err := i.idle(); err != nil {
		return false, err
	}
	// Observed again, holding the lock: the machine may have ended, or been adopted.
	err = i.withHostagentLock(func(lock *flock.Lock, observed observation) error {
		if !observed.qemu {
			return nil
		}
		e.config.Log.Info("adopting a virtual machine without hostagent", "instance", name)
		begun = true
		return i.spawn(lock, true)
	})
	return begun, err
}

// orphaned reports whether QEMU is alive and its hostagent is not.
func (i instance) orphaned() (bool, error) {
	if err := i.existing(); err != nil {
		return false, err
	}
	_, err := i.dir.ReadRecord()
	if errors.Is(err, fs.ErrNotExist) {
		return false, i.notFound()
	}
	if err != nil {
		return false, nil //nolint:nilerr // foreign or damaged: Observe reports it
	}
	observed, err := i.observe()
	if err != nil {
		return false, nil //nolint:nilerr // as above
	}
	return observed.qemu && !observed.hostagent && observed.run.End == nil, nil
}
