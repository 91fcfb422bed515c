// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/datastore/room"
	"rancherdesktop.io/rdd/internal/instance"
)

// CheckRoom returns an error for an instance that does not exist yet when there is too little room
// for its store: before anything is made. It wraps room.ErrNone, or is the system's own where the
// file system cannot be written to. Instance.MakeDirs says more of what belongs to others.
func CheckRoom(inst instance.Instance) error {
	exists, err := Exists(inst)
	if err != nil || exists || inst.CheckOwners() != nil {
		return err
	}
	if err := room.CheckNew(nearest(inst.Dir)); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// nearest is a directory, or the first one above it that is there.
func nearest(dir string) string {
	for {
		info, err := os.Stat(dir)
		parent := filepath.Dir(dir)
		if err == nil && info.IsDir() || parent == dir {
			return dir
		}
		dir = parent
	}
}

// Storeless reports whether an instance has never had a store, so that there is nothing in it.
func Storeless(inst instance.Instance) (bool, error) {
	arguments, exists, err := LoadArguments(inst)
	if err != nil || !exists || arguments.StoreMade == nil || *arguments.StoreMade {
		return false, err
	}
	_, err = os.Lstat(inst.StoreFile())
	if os.IsNotExist(err) {
		return true, nil
	}
	return false, err
}
