// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/sparse"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// failAfter makes writes fail for lack of space after left bytes.
func failAfter(left int64) func(io.Writer) io.Writer {
	return func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			if left -= int64(len(p)); left < 0 {
				return 0, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			}
			return w.Write(p)
		})
	}
}

func fileSource(t *testing.T, data []byte) image.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return image.Source{Disk: image.File{Location: path}}
}

func TestFileIsCopied(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, source := fetchStore(t), fileSource(t, data)
	first := mustObtain(t, s, source)
	checkDisk(t, first, data)
	if again := mustObtain(t, s, source); again.Disk != first.Disk {
		t.Error("the same file is another image")
	}
	checkNoPartial(t, s)

	// The image stays when the file changes, and goes on to be found when it is gone.
	path := source.Disk.Location
	if err := os.WriteFile(path, rawDisk(2, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	second := mustObtain(t, s, source)
	checkDisk(t, second, rawDisk(2, 1<<20))
	checkDisk(t, first, data)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again := mustObtain(t, s, source); again.Disk != second.Disk {
		t.Error("without the file, the image is not found")
	}
}

func TestHolesStay(t *testing.T) {
	data := append(rawDisk(1, 100_001), make([]byte, 8<<20)...)
	s, source := fetchStore(t), fileSource(t, data)
	img := mustObtain(t, s, source)
	checkDisk(t, img, data)
	if stored := storedSize(t, img.Disk); stored > 1<<20 {
		t.Errorf("%d bytes of the disk are stored; the zeros should be a hole", stored)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	s, dir := fetchStore(t), t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none.img"): "there is no such file", dir: "it is not a regular file", "/dev/null": "it is not a regular file",
		dir + "/": "it is not a regular file but a directory", "/dev/zero": "it is not a regular file but a device",
	} {
		_, err := s.Obtain(t.Context(), []image.Source{{Disk: image.File{Location: path}}}, nil)
		if !errors.As(err, new(*image.UnavailableError)) || !strings.Contains(err.Error(), want) || vm.Retryable(err) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	checkNoPartial(t, s)
}

func TestFileOfWrongDigest(t *testing.T) {
	s, source := fetchStore(t), fileSource(t, rawDisk(1, 1<<20))
	source.Disk.Digest = sha512Digest([]byte("other"))
	_, err := s.Obtain(t.Context(), []image.Source{source}, nil)
	if !errors.As(err, new(*image.DigestError)) || vm.Retryable(err) {
		t.Errorf("got %v, want a DigestError", err)
	}
	checkNothingCached(t, s)
	checkNoPartial(t, s)
}

func TestFileOnAFullDisk(t *testing.T) {
	for name, spoil := range map[string]func(*Fetcher){
		"known before":  func(f *Fetcher) { f.freeSpace = func(string) (int64, error) { return spaceMargin, nil } },
		"in the middle": func(f *Fetcher) { f.writer = failAfter(1 << 19) },
	} {
		t.Run(name, func(t *testing.T) {
			s, source := fetchStore(t), fileSource(t, rawDisk(1, 1<<20))
			if shared(t) {
				t.Skip("SKIPPED: this file system shares data, so a copy takes no space")
			}
			spoil(s.fetcher)
			_, err := s.Obtain(t.Context(), []image.Source{source}, nil)
			if !errors.As(err, new(*vm.HostError)) {
				t.Errorf("got %v, want a HostError", err)
			}
			checkNothingCached(t, s)
			checkNoPartial(t, s)
		})
	}
}

// shared reports whether the file system of temporary directories can clone files.
func shared(t *testing.T) bool {
	t.Helper()
	dir := t.TempDir()
	from, err := os.Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	to, err := os.Create(filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	return sparse.Clone(to, from) == nil
}
