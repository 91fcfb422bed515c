// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// qcow2Header is the beginning of a qcow2 disk of version 3 and 1 GiB, changed by edit. The offsets
// are those of QEMU's docs/interop/qcow2.txt.
func qcow2Header(edit func(header []byte)) []byte {
	header := make([]byte, 4096)
	copy(header, "QFI\xfb")
	binary.BigEndian.PutUint32(header[4:], 3)
	binary.BigEndian.PutUint64(header[24:], 1<<30)
	if edit != nil {
		edit(header)
	}
	return header
}

// at is data with mark at an offset.
func at(offset int, mark string) []byte {
	data := bytes.Repeat([]byte{7}, 128<<10)
	copy(data[offset:], mark)
	return data
}

func TestDiskFormat(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want string // a format, or a part of the refusal
	}{
		"qcow2":                   {qcow2Header(nil), image.FormatQCOW2},
		"qcow2 version 2":         {qcow2Header(func(h []byte) { h[4+3] = 2 }), image.FormatQCOW2},
		"qcow2 of the future":     {qcow2Header(func(h []byte) { h[4+3] = 4 }), "version 4"},
		"qcow2 with backing file": {qcow2Header(func(h []byte) { h[8+7] = 112 }), "backing file"},
		"qcow2 with data file":    {qcow2Header(func(h []byte) { h[72+7] = 1 << 2 }), "data file"},
		"encrypted qcow2":         {qcow2Header(func(h []byte) { h[32+3] = 2 }), "encrypted"},
		"cut qcow2":               {qcow2Header(nil)[:60], "cut off"},
		"boot sector":             {at(510, "\x55\xaa"), image.FormatRaw},
		"ext4":                    {at(0x438, "\x53\xef"), image.FormatRaw},
		"xfs":                     {at(0, "XFSB"), image.FormatRaw},
		"btrfs":                   {at(0x10040, "_BHRfS_M"), image.FormatRaw},
		"noise":                   {at(0, "noise"), `begins with "noise`},
		"nothing":                 {nil, "an empty file"},
		"vmdk":                    {at(0, "KDMV"), "a VMDK disk"},
		"vhdx":                    {at(0, "vhdxfile"), "a VHDX disk"},
		"iso":                     {append(at(510, "\x55\xaa")[:0x8001], at(0, "CD001")...), "an ISO image"},
		"page":                    {[]byte("\n <!DOCTYPE html>\n<html><head><title> Log in </title></head>"), `a web page ("Log in")`},
		"page without title":      {[]byte("<HTML>gone"), "a web page"},
		"xml":                     {[]byte("\xef\xbb\xbf<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>"), "a web page"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(path, tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			format, err := diskFormat("http://x/disk", path)
			if tc.want == image.FormatQCOW2 || tc.want == image.FormatRaw {
				if err != nil || format != tc.want {
					t.Errorf("got %s, %v", format, err)
				}
				return
			}
			if !errors.As(err, new(*image.FormatError)) || !strings.Contains(err.Error(), tc.want) ||
				!strings.Contains(err.Error(), "http://x/disk") || vm.Retryable(err) {
				t.Errorf("got %q, %v; want %s", format, err, tc.want)
			}
		})
	}
}

// A login page in place of the image is recognised, with and without a digest, and leaves nothing.
func TestWebPageIsNoImage(t *testing.T) {
	page := []byte("<!doctype html><title>Log in to the Wi-Fi</title>")
	s, from := fetchStore(t), serve(t, page)
	_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
	if !errors.As(err, new(*image.FormatError)) || !strings.Contains(err.Error(), "Log in to the Wi-Fi") {
		t.Errorf("got %v", err)
	}
	checkNothingCached(t, s)
	checkNoPartial(t, s)
}

func compressed(t *testing.T, kind string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	var err error
	switch kind {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "xz":
		w, err = xz.NewWriter(&out)
	case "zstd":
		w, err = zstd.NewWriter(&out)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCompressedImages(t *testing.T) {
	disk := append(rawDisk(1, 300_001), make([]byte, 8<<20)...)
	for _, kind := range []string{"gzip", "xz", "zstd"} {
		t.Run(kind, func(t *testing.T) {
			data := compressed(t, kind, disk)
			s, from := fetchStore(t), serve(t, data)
			img := mustObtain(t, s, from.source(sha256Digest(data)))
			checkDisk(t, img, disk)
			if stored := storedSize(t, img.Disk); stored > 1<<20 {
				t.Errorf("%d bytes of the disk are stored; the zeros should be a hole", stored)
			}

			// Cut off, and served as if it were whole.
			from.change(data[:len(data)-20], `"cut"`)
			_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
			if !errors.As(err, new(*image.FormatError)) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("a damaged one: got %v", err)
			}
			checkNoPartial(t, s)
		})
	}
}

func TestCompressedImageOnAFullDisk(t *testing.T) {
	data := compressed(t, "gzip", rawDisk(1, 4<<20)[:3<<20])
	s, from := fetchStore(t), serve(t, data)
	if img := mustObtain(t, s, from.source("")); img.Format != image.FormatRaw {
		t.Fatal(img)
	}
	s = fetchStore(t)
	s.fetcher.writer = failAfter(int64(len(data)) + 1<<20)
	_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
	if !errors.As(err, new(*vm.HostError)) {
		t.Errorf("got %v, want a HostError", err)
	}
	checkNothingCached(t, s)
}

func TestKernelAndInitrd(t *testing.T) {
	disk, kernel, initrd := rawDisk(1, 1<<20), []byte("MZ kernel"), []byte("initrd")
	var files = map[string][]byte{"/disk.raw": disk, "/vmlinuz": kernel, "/initrd.img": initrd}
	s, from := fetchStore(t), serve(t, nil)
	from.answer(func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if w.Header().Set("ETag", `"`+r.URL.Path+`"`); r.Header.Get("If-None-Match") == w.Header().Get("ETag") {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
		_, err := w.Write(files[r.URL.Path])
		return err == nil
	})
	source := from.source("")
	source.Kernel = &image.File{Location: from.URL + "/vmlinuz"}
	source.Initrd = &image.File{Location: from.URL + "/initrd.img", Digest: sha256Digest(initrd)}
	source.KernelArgs = "root=/dev/vda1"
	img := mustObtain(t, s, source)
	checkDisk(t, img, disk)
	for path, want := range map[string][]byte{img.Kernel: kernel, img.Initrd: initrd} {
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
	if img.KernelArgs != "root=/dev/vda1" || len(img.Parts) != 3 || !image.PartsMatch(img.Parts, source) {
		t.Errorf("got %+v", img)
	}
	if again := mustObtain(t, s, source); again.Disk != img.Disk {
		t.Error("nothing has changed, and it is another image")
	}
	// The same disk alone is another image.
	if alone := mustObtain(t, s, from.source("")); alone.Kernel != "" || alone.Digest == img.Digest {
		t.Errorf("got %+v", alone)
	}
	source.Kernel = &image.File{Location: from.URL + "/page"}
	files["/page"] = []byte("<html>no kernel")
	if _, err := s.Obtain(t.Context(), []image.Source{source}, nil); !errors.As(err, new(*image.FormatError)) {
		t.Errorf("a page as the kernel: got %v", err)
	}
}
