// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"fmt"
	"strconv"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// CreateDisk makes a sparse qcow2 overlay of size bytes, or of the backing disk's size if that is
// larger. format is that of the backing disk. It replaces what an interrupted call left.
func (p Program) CreateDisk(ctx context.Context, path, backing, format string, size int64) error {
	backed, err := image.DiskSize(backing, format)
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	size = max(size, backed)
	if err := atomicfile.Remove(path); err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	err = p.runImage(ctx, "create", "-q", "-f", image.FormatQCOW2, "-F", format, "-b", backing, path, strconv.FormatInt(size, 10))
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	return nil
}

// runImage runs qemu-img.
func (p Program) runImage(ctx context.Context, args ...string) error {
	_, err := process.Output(ctx, process.Command{Path: p.Image, Args: args})
	if err == nil {
		return nil
	}
	return vm.WithKind(KindOf(err.Error(), vm.FaultUnknown), err)
}

// GrowDisk makes the disk size bytes large if it is smaller. No process may have it open.
func (p Program) GrowDisk(ctx context.Context, path string, size int64) error {
	has, err := image.DiskSize(path, image.FormatQCOW2)
	if err != nil || has >= size {
		return err
	}
	if err := p.runImage(ctx, "resize", "-q", "-f", image.FormatQCOW2, path, strconv.FormatInt(size, 10)); err != nil {
		return fmt.Errorf("growing the disk: %w", err)
	}
	return nil
}
