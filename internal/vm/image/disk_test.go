// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// qcow2 is the beginning of a qcow2 disk of a version and 3 GiB, changed by edit. The offsets are
// those of QEMU's docs/interop/qcow2.txt.
func qcow2(version uint32, edit func(header []byte)) []byte {
	header := make([]byte, 512)
	copy(header, QCOW2Magic)
	binary.BigEndian.PutUint32(header[4:], version)
	binary.BigEndian.PutUint64(header[24:], 3<<30)
	if edit != nil {
		edit(header)
	}
	return header
}

func TestParseQCOW2(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want QCOW2
		ok   bool
	}{
		"version 2":    {qcow2(2, nil), QCOW2{Version: 2, Size: 3 << 30}, true},
		"version 3":    {qcow2(3, nil), QCOW2{Version: 3, Size: 3 << 30}, true},
		"backing file": {qcow2(3, func(h []byte) { h[15] = 1 }), QCOW2{Version: 3, Size: 3 << 30, BackingFile: true}, true},
		"encrypted":    {qcow2(3, func(h []byte) { h[35] = 2 }), QCOW2{Version: 3, Size: 3 << 30, Encrypted: true}, true},
		"data file":    {qcow2(3, func(h []byte) { h[79] = 1 << 2 }), QCOW2{Version: 3, Size: 3 << 30, DataFile: true}, true},
		// A header of version 2 is shorter: what follows is no feature.
		"version 2 has no features": {qcow2(2, func(h []byte) { h[79] = 1 << 2 }), QCOW2{Version: 2, Size: 3 << 30}, true},
		"another format":            {make([]byte, 512), QCOW2{}, false},
		"cut off":                   {qcow2(3, nil)[:100], QCOW2{}, false},
		"empty":                     {nil, QCOW2{}, false},
	} {
		if got, ok := ParseQCOW2(tc.data); ok != tc.ok || got != tc.want {
			t.Errorf("%s: got %+v, %t; want %+v, %t", name, got, ok, tc.want, tc.ok)
		}
	}
	if _, ok := ParseQCOW2(qcow2(3, func(h []byte) { h[24] = 0x80 })); ok {
		t.Error("a disk of a negative size is one")
	}
}

func TestDiskSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if _, err := DiskSize(path, FormatQCOW2); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: got %v", err)
	}
	if err := os.WriteFile(path, qcow2(3, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]int64{FormatQCOW2: 3 << 30, FormatRaw: 512} {
		if size, err := DiskSize(path, format); err != nil || size != want {
			t.Errorf("%s: got %d, %v; want %d", format, size, err, want)
		}
	}
	if err := os.WriteFile(path, make([]byte, 512), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := DiskSize(path, FormatQCOW2); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no qcow2: got %v, want an error that names %s", err, path)
	}
}
