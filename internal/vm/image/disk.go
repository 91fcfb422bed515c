// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"rancherdesktop.io/rdd/internal/regular"
)

// Formats of a disk.
const (
	FormatQCOW2 = "qcow2"
	FormatRaw   = "raw"
)

// QCOW2Magic are the first bytes of a qcow2 disk.
const QCOW2Magic = "QFI\xfb"

// qcow2HeaderSize is how many bytes of a disk hold the fields of QCOW2. The header of version 2 is
// shorter, but no disk is shorter than this.
const qcow2HeaderSize = 104

// QCOW2 is what the header of a qcow2 disk says (QEMU's docs/interop/qcow2.txt).
type QCOW2 struct {
	Version uint32
	// Size of the virtual disk, in bytes.
	Size int64
	// BackingFile and DataFile say that the disk refers to another file, which holds what is not
	// changed, or everything.
	BackingFile, DataFile bool
	Encrypted             bool
	// Tables is where the tables end that the header names, in bytes from the beginning. A shorter
	// file was cut off.
	Tables int64
}

// ParseQCOW2 reads the beginning of a qcow2 disk; false when it is no qcow2 disk, or cut off.
func ParseQCOW2(data []byte) (QCOW2, bool) {
	if len(data) < qcow2HeaderSize || string(data[:4]) != QCOW2Magic {
		return QCOW2{}, false
	}
	const dataFileBit = 1 << 2 // of the incompatible features, from version 3 on
	header := QCOW2{
		Version:     binary.BigEndian.Uint32(data[4:]),
		BackingFile: binary.BigEndian.Uint64(data[8:]) != 0,
		Size:        int64(binary.BigEndian.Uint64(data[24:])),
		Encrypted:   binary.BigEndian.Uint32(data[32:]) != 0,
	}
	header.Tables = int64(binary.BigEndian.Uint64(data[40:])) + 8*int64(binary.BigEndian.Uint32(data[36:]))
	header.DataFile = header.Version >= 3 && binary.BigEndian.Uint64(data[72:])&dataFileBit != 0
	return header, header.Size >= 0
}

// DiskSize returns the virtual size in bytes of a disk of a format. It reads the header only, so it
// works on a disk that a machine uses.
func DiskSize(path, format string) (int64, error) {
	f, info, err := regular.Open(path)
	if err != nil {
		return 0, fmt.Errorf("reading the disk's size: %w", err)
	}
	defer func() { _ = f.Close() }()
	if format == FormatRaw {
		return info.Size(), nil
	}
	header, _, err := readHeader(f)
	if err != nil {
		return 0, fmt.Errorf("reading the disk's size: %w", err)
	}
	return header.Size, nil
}

// readHeader reads the header of a qcow2 disk, and returns its bytes, too.
func readHeader(f *os.File) (QCOW2, []byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(f, 0, qcow2HeaderSize))
	if err != nil {
		return QCOW2{}, nil, err
	}
	header, ok := ParseQCOW2(data)
	if !ok {
		return QCOW2{}, nil, fmt.Errorf("%s is not a qcow2 disk", f.Name())
	}
	return header, data, nil
}

// BackingFile returns the name of the file that a qcow2 disk refers to, as it is in its header;
// empty when it refers to none.
func BackingFile(path string) (string, error) {
	f, _, err := regular.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading what the disk refers to: %w", err)
	}
	defer func() { _ = f.Close() }()
	header, data, err := readHeader(f)
	if err != nil || !header.BackingFile {
		return "", err
	}
	name := make([]byte, min(binary.BigEndian.Uint32(data[16:]), maxBackingName))
	if _, err := f.ReadAt(name, int64(binary.BigEndian.Uint64(data[8:]))); err != nil {
		return "", fmt.Errorf("reading what the disk refers to: %w", err)
	}
	return string(name), nil
}

// maxBackingName is the longest name that the format allows, in bytes.
const maxBackingName = 1023
