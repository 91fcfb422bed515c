// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/disks"
	"rancherdesktop.io/rdd/internal/vm/qemu/machine"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// Disks implements vm.DiskKeeper.
func (e *Engine) Disks(context.Context) ([]vm.Disk, error) { return e.disks().List() }

// CreateDisk implements vm.DiskKeeper.
func (e *Engine) CreateDisk(ctx context.Context, name string, size int64) error {
	program, err := machine.FindImage()
	if err != nil {
		return err
	}
	if err := e.home.Make(); err != nil {
		return err
	}
	return e.disks().Create(ctx, program, name, size)
}

// ResizeDisk implements vm.DiskKeeper.
func (e *Engine) ResizeDisk(ctx context.Context, name string, size int64) error {
	program, err := machine.FindImage()
	if err != nil {
		return err
	}
	return e.disks().Resize(ctx, program, name, size)
}

// DeleteDisk implements vm.DiskKeeper.
func (e *Engine) DeleteDisk(_ context.Context, name string) error { return e.disks().Delete(name) }

func (e *Engine) disks() disks.Store { return disks.In(e.config.LimaHome) }

// checkDisks refuses a start without the template's additional disks.
func (i instance) checkDisks(t *template.Template) error {
	for n, d := range t.AdditionalDisks {
		disk, err := i.engine.disks().Get(d.Name)
		switch {
		case errors.Is(err, vm.ErrNotFound):
			return &vm.HostError{
				Missing: fmt.Sprintf("the disk %s of additionalDisks[%d]", d.Name, n),
				Hint:    "rdd limavm disk create " + d.Name + " --size 10GiB",
			}
		case err != nil:
			return &vm.HostError{
				Missing: fmt.Sprintf("a sound disk %s of additionalDisks[%d] (%v)", d.Name, n, err),
				Hint:    "bring the disk's file back, or take the disk out of the template",
			}
		case disk.UsedBy != "":
			return &vm.DiskInUseError{Disk: d.Name, By: disk.UsedBy}
		}
	}
	return nil
}
