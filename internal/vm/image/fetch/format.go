// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// sniffed is how many bytes of a file are read to recognise its format: a Btrfs superblock is at 64
// KiB.
const sniffed = 68 << 10

// magic recognises a kind of file by its bytes at an offset.
type magic struct {
	offset int
	bytes  string
	kind   string
}

// compressions that can be decompressed, by kind.
var compressions = []magic{
	{0, "\x1f\x8b", "gzip"},
	{0, "\xfd7zXZ\x00", "xz"},
	{0, "\x28\xb5\x2f\xfd", "zstd"},
	{0, "BZh", "bzip2"},
}

// disks are the formats that a machine can boot from. The offsets are those of the formats'
// specifications: QEMU's docs/interop/qcow2.txt, the signature of a boot sector (in front of a GPT
// too), and the superblocks of file systems, for templates that give a kernel.
var disks = []magic{
	{0, image.QCOW2Magic, image.FormatQCOW2},
	{510, "\x55\xaa", image.FormatRaw},
	{0x438, "\x53\xef", image.FormatRaw},         // ext2 to ext4
	{0, "XFSB", image.FormatRaw},                 // XFS
	{0x10040, "_BHRfS_M", image.FormatRaw},       // Btrfs
	{0x400, "\x10\x20\xf5\xf2", image.FormatRaw}, // F2FS
}

// others are formats that people take for one of these.
var others = []magic{
	{0, "KDMV", "a VMDK disk"},
	{0x40, "\x7f\x10\xda\xbe", "a VDI disk"},
	{0, "vhdxfile", "a VHDX disk"},
	{0, "conectix", "a VHD disk"},
	{0x8001, "CD001", "an ISO image (installers cannot be booted)"},
	{257, "ustar", "a tar archive"},
	{0, "PK\x03\x04", "a zip archive"},
}

// of reports whether data, the beginning of a file, is of the kind.
func (m magic) of(data []byte) bool {
	return len(data) >= m.offset+len(m.bytes) && string(data[m.offset:m.offset+len(m.bytes)]) == m.bytes
}

// find returns the first kind that data is of; empty when there is none.
func find(all []magic, data []byte) string {
	for _, m := range all {
		if m.of(data) {
			return m.kind
		}
	}
	return ""
}

// head returns the beginning of a file.
func head(path string) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("looking into the image: %w", err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, sniffed))
	if err != nil {
		return nil, fmt.Errorf("looking into the image: %w", err)
	}
	return data, nil
}

// diskFormat returns the format of the disk in the file path. An *image.FormatError for location
// says why it cannot be used.
func diskFormat(location, path string) (string, error) {
	data, err := head(path)
	if err != nil {
		return "", err
	}
	wrong := func(format string, args ...any) error {
		return &image.FormatError{Location: location, Reason: fmt.Sprintf(format, args...)}
	}
	if text := pageTitle(data); text != "" {
		return "", wrong("it is no disk image but %s", text)
	}
	// A bootable ISO has a boot sector's signature too.
	if other := find(others, data); other != "" {
		return "", wrong("it is %s; use a qcow2 or raw disk (qemu-img convert -O qcow2)", other)
	}
	switch format := find(disks, data); format {
	case image.FormatQCOW2:
		if reason := unfitQCOW2(data); reason != "" {
			return "", wrong("%s", reason)
		}
		return format, nil
	case image.FormatRaw:
		return format, nil
	}
	return "", wrong("it is neither a qcow2 disk nor a raw one (it has no boot sector and no file system); it begins with %q",
		data[:min(len(data), 16)])
}

// pageTitle recognises the web pages and messages that servers send where a file should be.
func pageTitle(data []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	lower := bytes.ToLower(text[:min(len(text), 2000)])
	for _, mark := range []string{"<!doctype", "<html", "<?xml", "<head", "<error"} {
		if !bytes.HasPrefix(lower, []byte(mark)) {
			continue
		}
		if _, after, ok := strings.Cut(string(text[:min(len(text), 2000)]), "<title>"); ok {
			title, _, _ := strings.Cut(after, "<")
			return fmt.Sprintf("a web page (%q)", strings.TrimSpace(title))
		}
		return "a web page"
	}
	if len(data) == 0 {
		return "an empty file"
	}
	return ""
}

// unfitQCOW2 returns why a qcow2 disk must not be used; empty for one that may. One that refers to
// other files could let a guest read any file of the host.
func unfitQCOW2(data []byte) string {
	header, ok := image.ParseQCOW2(data)
	switch {
	case !ok:
		return "it is a qcow2 disk that is cut off"
	case header.Version != 2 && header.Version != 3:
		return fmt.Sprintf("it is a qcow2 disk of version %d", header.Version)
	case header.BackingFile:
		return "it is a qcow2 disk that refers to another file (a backing file); flatten it with qemu-img convert -O qcow2"
	case header.Encrypted:
		return "it is an encrypted qcow2 disk"
	case header.DataFile:
		return "it is a qcow2 disk that refers to another file (a data file); flatten it with qemu-img convert -O qcow2"
	}
	return ""
}

// checkBootFile refuses a kernel or initrd that is a web page.
func checkBootFile(location, path string) error {
	data, err := head(path)
	if err != nil {
		return err
	}
	if text := pageTitle(data); text != "" {
		return &image.FormatError{Location: location, Reason: "it is " + text}
	}
	return nil
}
