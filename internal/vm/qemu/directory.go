// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// Directory implements vm.DirectoryReader.
func (e *Engine) Directory(_ context.Context, name string) (vm.Directory, error) {
	i := e.instance(name)
	d := vm.Directory{Name: name, Path: string(i.dir), TemplateFile: i.dir.Template()}
	if err := i.existing(); err != nil {
		return d, err
	}
	record, err := i.dir.ReadRecord()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d, i.notFound()
	case errors.Is(err, vmdir.ErrForeign):
		d.Foreign = true
		return d, nil
	case err != nil:
		d.Damage = err
	default:
		d.Owner, d.Params = record.Owner, record.Spec.Params
	}
	d.Alive, err = i.alive()
	return d, err
}

// alive reports whether the instance's QEMU or its hostagent is alive.
func (i instance) alive() (bool, error) {
	run, err := i.dir.ReadRun()
	if err != nil {
		run = vmdir.Run{} // damaged: the locks tell
	}
	machine, err := i.dir.QEMUAlive(run)
	if err != nil || machine {
		return machine, err
	}
	return i.dir.HostagentAlive(run)
}

// Directories implements vm.DirectoryReader.
func (e *Engine) Directories(ctx context.Context) ([]vm.Directory, error) {
	names, err := e.home.Instances()
	if err != nil {
		return nil, err
	}
	var all []vm.Directory
	for _, name := range names {
		d, err := e.Directory(ctx, name)
		if errors.Is(err, vm.ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	aside, err := e.home.Aside()
	for _, path := range aside {
		all = append(all, vm.Directory{Name: filepath.Base(path), Path: path, SetAside: true})
	}
	return all, err
}
