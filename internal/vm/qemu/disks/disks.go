// SPDX-License-Identifier: Apache-2.0

// Package disks keeps the additional disks of virtual machines. They lie beside the instance
// directories and belong to none of them.
//
// Whoever changes or uses a disk holds its lock. A machine's QEMU inherits it, so that the disk is
// in use as long as QEMU runs, whatever happens to the processes that started it.
package disks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/template"
)

const (
	// dirName is that of the directory in the LIMA_HOME. No instance has it: it is no DNS label.
	dirName    = "_disks"
	diskSuffix = ".qcow2"
	lockSuffix = ".lock"
	// partialSuffix is that of a disk which is being made.
	partialSuffix = ".partial"
	// maxHolder bounds the name in a lock's file, in bytes.
	maxHolder = 256
)

// Store holds the disks of one LIMA_HOME.
type Store struct{ dir string }

// In returns the store of a LIMA_HOME. It need not exist.
func In(limaHome string) Store { return Store{filepath.Join(limaHome, dirName)} }

// Path returns the file of a disk, in the format image.FormatQCOW2.
func (s Store) Path(name string) string { return filepath.Join(s.dir, name+diskSuffix) }

func (s Store) lockFile(name string) string { return filepath.Join(s.dir, name+lockSuffix) }

// List lists the disks by name, the damaged ones too.
func (s Store) List() ([]vm.Disk, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the disks: %w", err)
	}
	var all []vm.Disk
	for _, entry := range entries {
		name, isDisk := strings.CutSuffix(entry.Name(), diskSuffix)
		if !isDisk || !template.ValidDiskName(name) {
			continue
		}
		disk, err := s.Get(name)
		if errors.Is(err, vm.ErrNotFound) {
			continue // it was deleted meanwhile
		}
		if err != nil {
			disk = vm.Disk{Name: name, Damage: err.Error()}
		}
		all = append(all, disk)
	}
	slices.SortFunc(all, func(a, b vm.Disk) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Get describes a disk. vm.ErrNotFound.
func (s Store) Get(name string) (vm.Disk, error) {
	if err := s.exists(name); err != nil {
		return vm.Disk{}, err
	}
	size, err := image.DiskSize(s.Path(name), image.FormatQCOW2)
	if err != nil {
		return vm.Disk{}, fmt.Errorf("disk %s: %w", name, err)
	}
	used, err := allocated(s.Path(name))
	if err != nil {
		return vm.Disk{}, err
	}
	held, err := flock.Held(s.lockFile(name))
	if err != nil {
		return vm.Disk{}, err
	}
	disk := vm.Disk{Name: name, Size: size, Used: used}
	if held {
		disk.UsedBy = s.holder(name)
	}
	return disk, nil
}

func (s Store) exists(name string) error {
	if !template.ValidDiskName(name) {
		return fmt.Errorf("disk %q: %w", name, vm.ErrNotFound)
	}
	_, err := regular.Stat(s.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("disk %s: %w", name, vm.ErrNotFound)
	}
	return err
}

// holder is the machine that has taken a disk's lock.
func (s Store) holder(name string) string {
	data, err := regular.ReadFile(s.lockFile(name))
	if err != nil || len(data) > maxHolder {
		return "?"
	}
	return strings.TrimSpace(string(data))
}

// Create makes an empty disk of size bytes. fs.ErrExist: there is one.
func (s Store) Create(ctx context.Context, program machine.Program, name string, size int64) error {
	if err := atomicfile.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making room for disks: %w", err)
	}
	return s.locked(name, func() error {
		if _, err := os.Lstat(s.Path(name)); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("the disk %s: %w", name, fs.ErrExist))
		}
		partial := s.Path(name) + partialSuffix
		if err := program.NewDisk(ctx, partial, size); err != nil {
			return errors.Join(err, atomicfile.Remove(partial))
		}
		return atomicfile.Rename(partial, s.Path(name))
	})
}

// Resize makes a disk size bytes large. vm.ErrNotFound, *vm.DiskInUseError.
func (s Store) Resize(ctx context.Context, program machine.Program, name string, size int64) error {
	if err := s.exists(name); err != nil {
		return err
	}
	return s.locked(name, func() error {
		has, err := image.DiskSize(s.Path(name), image.FormatQCOW2)
		if err != nil {
			return err
		}
		if size < has {
			return fmt.Errorf("the disk %s has %d bytes and would lose what is beyond %d: disks only grow", name, has, size)
		}
		return program.GrowDisk(ctx, s.Path(name), size)
	})
}

// Delete deletes a disk. vm.ErrNotFound, *vm.DiskInUseError.
func (s Store) Delete(name string) error {
	if err := s.exists(name); err != nil {
		return err
	}
	err := s.locked(name, func() error {
		return errors.Join(atomicfile.Remove(s.Path(name)), atomicfile.Remove(s.lockFile(name)))
	})
	if left, readErr := os.ReadDir(s.dir); err == nil && readErr == nil && len(left) == 0 {
		_ = atomicfile.Remove(s.dir) // another disk may have been made meanwhile
	}
	return err
}

// locked calls do with a disk's lock held.
func (s Store) locked(name string, do func() error) error {
	lock, err := s.lock(name, "")
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Unlock())
}

// Lock takes the lock of a disk for a machine. vm.ErrNotFound, *vm.DiskInUseError.
func (s Store) Lock(name, machine string) (*flock.Lock, error) {
	if err := s.exists(name); err != nil {
		return nil, err
	}
	return s.lock(name, machine)
}

func (s Store) lock(name, machine string) (*flock.Lock, error) {
	lock, err := s.try(name)
	if errors.Is(err, flock.ErrLocked) {
		return nil, &vm.DiskInUseError{Disk: name, By: s.holder(name)}
	}
	if err != nil {
		return nil, err
	}
	file := lock.File()
	_, err = file.WriteAt([]byte(machine), 0)
	if err = errors.Join(err, file.Truncate(int64(len(machine)))); err != nil {
		return nil, errors.Join(fmt.Errorf("noting who uses the disk %s: %w", name, err), lock.Unlock())
	}
	return lock, nil
}

// try takes a lock. One whose file Delete has removed meanwhile is nobody's, and another is taken.
func (s Store) try(name string) (*flock.Lock, error) {
	for {
		lock, err := flock.Try(s.lockFile(name))
		if err != nil {
			return nil, err
		}
		current, err := lock.Current()
		if err == nil && current {
			return lock, nil
		}
		if err := errors.Join(err, lock.Unlock()); err != nil {
			return nil, err
		}
	}
}
