// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// qcow2Magic and the offsets of the header are from QEMU's docs/interop/qcow2.txt.
const (
	qcow2Magic      = 0x514649fb
	qcow2SizeOffset = 24
	qcow2HeaderSize = 32
)

// CreateDisk makes a sparse overlay of size bytes on a backing disk of a format; it replaces what
// an interrupted call left.
func (p Program) CreateDisk(ctx context.Context, path, backing, format string, size int64) error {
	backed, err := backingSize(backing, format)
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	size = max(size, backed)
	if err := atomicfile.Remove(path); err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	err = p.runImage(ctx, "create", "-q", "-f", "qcow2", "-F", format, "-b", backing, path, strconv.FormatInt(size, 10))
	if err != nil {
		return fmt.Errorf("creating the disk: %w", err)
	}
	return nil
}

// runImage runs qemu-img.
func (p Program) runImage(ctx context.Context, args ...string) error {
	_, err := process.Output(ctx, process.Command{Path: p.Image, Args: args})
	return err
}

// GrowDisk makes the disk size bytes large if it is smaller; nobody may have it open.
func (p Program) GrowDisk(ctx context.Context, path string, size int64) error {
	has, err := DiskSize(path)
	if err != nil || has >= size {
		return err
	}
	if err := p.runImage(ctx, "resize", "-q", "-f", "qcow2", path, strconv.FormatInt(size, 10)); err != nil {
		return fmt.Errorf("growing the disk: %w", err)
	}
	return nil
}

func backingSize(path, format string) (int64, error) {
	if format != image.FormatRaw {
		return DiskSize(path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("reading the disk's size: %w", err)
	}
	return info.Size(), nil
}

// DiskSize returns the size in bytes that a guest sees of a qcow2 disk.
func DiskSize(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("reading the disk's size: %w", err)
	}
	defer func() { _ = f.Close() }()
	header := make([]byte, qcow2HeaderSize)
	if _, err := io.ReadFull(f, header); err != nil {
		return 0, fmt.Errorf("reading the disk's size: %s: %w", path, err)
	}
	size := int64(binary.BigEndian.Uint64(header[qcow2SizeOffset:]))
	if binary.BigEndian.Uint32(header) != qcow2Magic || size < 0 {
		return 0, fmt.Errorf("reading the disk's size: %s is not a qcow2 disk", path)
	}
	return size, nil
}
