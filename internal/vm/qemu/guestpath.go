// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/guest"
	"rancherdesktop.io/rdd/internal/vm/template"
)

// GuestPath implements vm.PathMapper.
func (e *Engine) GuestPath(_ context.Context, name, hostDir string) (string, error) {
	i := e.instance(name)
	if err := i.existing(); err != nil {
		return "", err
	}
	record, err := i.dir.ReadRecord()
	if err != nil {
		return "", err
	}
	start, err := i.dir.ReadStart()
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("instance %s was never started: %w", name, vm.ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	t, err := guest.Template(i.dir, record, start)
	if err != nil {
		return "", err
	}
	if at := mountedAt(hostDir, t.Mounts); at != "" {
		return at, nil
	}
	return mountedAt(resolved(hostDir), resolvedMounts(t.Mounts)), nil
}

// resolvedMounts are mounts whose locations have no symbolic links.
func resolvedMounts(mounts []template.Mount) []template.Mount {
	all := slices.Clone(mounts)
	for i := range all {
		all[i].Location = resolved(all[i].Location)
	}
	return all
}

// resolved is a path without symbolic links, or the path itself when there is nothing.
func resolved(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// mountedAt returns the path of dir in the guest by the deepest mount that has it; empty when none
// has.
func mountedAt(dir string, mounts []template.Mount) string {
	best, at := "", ""
	for _, m := range mounts {
		rest, err := filepath.Rel(m.Location, dir)
		if err != nil || !filepath.IsLocal(rest) || len(m.Location) < len(best) {
			continue
		}
		best, at = m.Location, path.Join(m.MountPoint, filepath.ToSlash(rest))
	}
	return at
}
