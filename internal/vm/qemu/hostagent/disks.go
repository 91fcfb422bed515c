// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"errors"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm/qemu/disks"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// heldDisks are the additional disks of a machine, with their locks held.
type heldDisks struct {
	paths []string
	locks []*flock.Lock
}

// holdDisks takes the locks of the template's additional disks.
func (a *agent) holdDisks(t *template.Template) (held heldDisks, err error) {
	store := disks.In(filepath.Dir(string(a.Dir)))
	for _, d := range t.AdditionalDisks {
		lock, err := store.Lock(d.Name, a.Dir.Name())
		if err != nil {
			return held, errors.Join(err, held.release())
		}
		held.paths, held.locks = append(held.paths, store.Path(d.Name)), append(held.locks, lock)
	}
	return held, nil
}

// files are the locks as QEMU inherits them, which holds them until it ends.
func (h heldDisks) files() []*os.File {
	var files []*os.File
	for _, lock := range h.locks {
		files = append(files, lock.File())
	}
	return files
}

// release gives up this process's share of the locks.
func (h heldDisks) release() error {
	var errs []error
	for _, lock := range h.locks {
		errs = append(errs, lock.Unlock())
	}
	return errors.Join(errs...)
}

// released returns the error of a boot that has started m, or none, and has failed to give up the
// locks of its disks: that does not fail a boot, as nobody would supervise QEMU.
func (a *agent) released(failed error, m *machineProcess, err error) error {
	if m == nil {
		return errors.Join(err, failed)
	}
	if failed != nil {
		a.Log.Warn("giving up the locks of the disks, which QEMU holds", "error", failed)
	}
	return err
}
