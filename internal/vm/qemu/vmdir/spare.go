// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm"
)

// spareSize is the size of a spare file, in bytes. A run.json that is larger is not written while
// there is no room.
const spareSize = 64 << 10

// spares are files with room for run.json. It has to say that the file system is full when that is
// so. There are two, as one becomes small when it changes places with a run.json.
func (d Dir) spares() []string { return []string{d.file("run.json.spare1"), d.file("run.json.spare2")} }

// KeepSpares makes the files that let WriteRun write while the file system is full, unless they are
// there. Only the holder of ha.lock may call it.
func (d Dir) KeepSpares() error {
	for _, path := range d.spares() {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == spareSize {
			continue
		}
		if err := Write(path, padded(nil), fileMode); err != nil {
			return fmt.Errorf("keeping room for the machine's state: %w", err)
		}
	}
	return nil
}

// padded returns JSON with spaces after it, which mean nothing, in the size of a spare file.
func padded(data []byte) []byte {
	return append(data[:len(data):len(data)], bytes.Repeat([]byte(" "), spareSize-len(data))...)
}

// trimmed is data without what padded has added.
func trimmed(data []byte) []byte { return bytes.TrimRight(data, " \n") }

// noRoom reports whether a write has failed for want of room.
func noRoom(err error) bool { return vm.FaultOf(err).Kind == vm.FaultDiskFull }

// writeSpare replaces a file by a spare one, which is overwritten first: that takes no room.
func (d Dir) writeSpare(path string, data []byte) error {
	if len(data) > spareSize {
		return fmt.Errorf("writing %s into a spare file: %w", path, syscall.ENOSPC)
	}
	var largest string
	var size int64
	for _, spare := range d.spares() {
		if info, err := os.Lstat(spare); err == nil && info.Mode().IsRegular() && info.Size() > size {
			largest, size = spare, info.Size()
		}
	}
	if largest == "" {
		return fmt.Errorf("writing %s into a spare file: %w", path, os.ErrNotExist)
	}
	if err := overwrite(largest, padded(data)[:max(int(size), len(data))]); err != nil {
		return fmt.Errorf("writing %s into a spare file: %w", path, err)
	}
	return atomicfile.Exchange(largest, path)
}

// overwrite writes into a file from its beginning and makes that durable.
func overwrite(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
