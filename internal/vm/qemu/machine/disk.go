// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// CreateDisk makes a sparse qcow2 overlay of size bytes, or of the backing disk's size if that is
// larger, durable. backing is the name of the backing disk in the same directory, and format its
// format. It replaces what an interrupted call left.
func (p Program) CreateDisk(ctx context.Context, path, backing, format string, size int64) error {
	backed, err := image.DiskSize(filepath.Join(filepath.Dir(path), backing), format)
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	size = max(size, backed)
	if err := atomicfile.Remove(path); err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	err = p.runImage(ctx, "create", "-q", "-f", image.FormatQCOW2, "-F", format, "-b", backing, path, strconv.FormatInt(size, 10))
	if err == nil {
		err = durable(path)
	}
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	return nil
}

// NewDisk makes a sparse qcow2 disk of size bytes, durable. It replaces what an interrupted call
// left.
func (p Program) NewDisk(ctx context.Context, path string, size int64) error {
	err := atomicfile.Remove(path)
	if err == nil {
		err = p.runImage(ctx, "create", "-q", "-f", image.FormatQCOW2, path, strconv.FormatInt(size, 10))
	}
	if err == nil {
		err = durable(path)
	}
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	return nil
}

// durable makes a disk durable that qemu-img has written, and its name too.
func durable(path string) error {
	return errors.Join(atomicfile.Sync(path), atomicfile.SyncDir(filepath.Dir(path)))
}

// Rebase makes the backing disk of an overlay the one of another name, with the same content, and
// makes that durable. backing is its name in the overlay's directory, and format its format. Only
// the header is written. Called again after a crash in the middle, it completes what was begun.
func (p Program) Rebase(ctx context.Context, path, backing, format string) error {
	err := p.runImage(ctx, "rebase", "-q", "-u", "-f", image.FormatQCOW2, "-b", backing, "-F", format, path)
	if err == nil {
		err = durable(path)
	}
	if err != nil {
		return fmt.Errorf("changing what the disk refers to: %w", err)
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
	if err := durable(path); err != nil {
		return fmt.Errorf("growing the disk: %w", err)
	}
	return nil
}
