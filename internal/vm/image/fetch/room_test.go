// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// smallDisk makes the free space of a fetcher shrink by what it writes, from size bytes above the
// margin. It returns how much was written.
func smallDisk(f *Fetcher, size int64) (written *atomic.Int64) {
	written = &atomic.Int64{}
	f.freeSpace = func(string) (int64, error) { return spaceMargin + size - written.Load(), nil }
	f.writer = func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			n, err := w.Write(p)
			written.Add(int64(n))
			return n, err
		})
	}
	return written
}

// bomb is a raw disk of size bytes that compresses well and has no holes.
func bomb(size int) []byte {
	data := bytes.Repeat([]byte("boom"), size/4)
	copy(data[510:], "\x55\xaa")
	return data
}

// A small file that becomes a large disk is not written until the disk of the host is full.
func TestDecompressionLeavesTheMargin(t *testing.T) {
	packed := map[string][]byte{}
	for _, kind := range []string{"gzip", "xz", "zstd"} {
		packed[kind] = compressed(t, kind, bomb(4<<20))
	}
	var err error
	// The same, as bzip2 compresses it: there is no such writer in Go's library.
	if packed["bzip2"], err = os.ReadFile(filepath.Join("testdata", "bomb.bz2")); err != nil {
		t.Fatal(err)
	}
	for kind, data := range packed {
		for name, source := range map[string]image.Source{
			"downloaded": serve(t, data).source(""), "copied": fileSource(t, data),
		} {
			t.Run(kind+", "+name, func(t *testing.T) {
				s := fetchStore(t)
				written := smallDisk(s.fetcher, 2<<20)
				_, err := s.Obtain(t.Context(), []image.Source{source}, nil)
				checkNoRoom(t, err)
				if written.Load() > 2<<20 {
					t.Errorf("%d bytes were written, of the margin too", written.Load())
				}
				checkNothingCached(t, s)
				checkHas(t, s, map[string][]string{"downloaded": {"image", "image.json"}, "copied": nil}[name])
				// With room, what was downloaded is used.
				smallDisk(s.fetcher, 1<<30)
				checkDisk(t, mustObtain(t, s, source), bomb(4<<20))
				checkNoPartial(t, s)
			})
		}
	}
}

func checkNoRoom(t *testing.T, err error) {
	t.Helper()
	var host *vm.HostError
	if !errors.As(err, &host) || vm.Retryable(err) || !strings.Contains(host.Missing, "disk space") || host.Hint == "" {
		t.Errorf("got %v, want a HostError about disk space", err)
	}
}

// checkHas makes sure that of what was fetched these files are left, and no others.
func checkHas(t *testing.T, s *store, want []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, ".partial-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range found {
		names = append(names, filepath.Base(path))
	}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("left behind: %v, want %v", names, want)
	}
}

// Of a download whose length the server does not give, nothing is kept when there is no room.
func TestDownloadWithoutLengthLeavesTheMargin(t *testing.T) {
	for name, etag := range map[string]string{"continuable": `"x"`, "not continuable": ""} {
		t.Run(name, func(t *testing.T) {
			s, from := fetchStore(t), serve(t, nil)
			from.change(rawDisk(1, 4<<20), etag)
			from.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				for chunk := range slices.Chunk(from.data, 1<<20) {
					_, _ = w.Write(chunk)
					_ = http.NewResponseController(w).Flush()
				}
				return true
			})
			written := smallDisk(s.fetcher, 2<<20)
			_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
			checkNoRoom(t, err)
			if written.Load() > 2<<20 {
				t.Errorf("%d bytes were written, of the margin too", written.Load())
			}
			checkNothingCached(t, s)
			checkNoPartial(t, s)
		})
	}
}

// Another program fills the disk while a download whose length is known goes on.
func TestDownloadGoesOnWhenThereIsRoom(t *testing.T) {
	data := rawDisk(1, 40<<20)
	s, from := fetchStore(t), serve(t, data)
	written := smallDisk(s.fetcher, 64<<20)
	shrinking := s.fetcher.freeSpace
	s.fetcher.freeSpace = func(dir string) (int64, error) {
		if written.Load() > 0 {
			return spaceMargin, nil
		}
		return shrinking(dir)
	}
	_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
	checkNoRoom(t, err)
	checkHas(t, s, []string{"image", "image.json"})
	smallDisk(s.fetcher, 64<<20)
	checkDisk(t, mustObtain(t, s, from.source("")), data)
	if ranges := from.asked("Range"); len(ranges) != 2 || ranges[1] == "" {
		t.Errorf("Range: %q, want the rest of it", ranges)
	}
}

// What cannot be continued is not kept either when the connection breaks for good.
func TestUselessPartsAreRemoved(t *testing.T) {
	s, from := fetchStore(t), serve(t, nil)
	from.change(rawDisk(1, 1<<20), "")
	from.answer(func(_ int, w http.ResponseWriter, r *http.Request) bool { return from.cut(w, r, 1<<19) })
	if _, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil); !errors.As(err, new(*image.InterruptedError)) {
		t.Errorf("got %v", err)
	}
	checkNoPartial(t, s)
}

// A few bytes that become zeros without end take no space, but they must not keep a deletion
// waiting.
func TestDecompressionEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	unpacked := 0
	endless := readerFunc(func(p []byte) (int, error) {
		if unpacked += len(p); unpacked > 64<<20 {
			cancel()
		}
		clear(p)
		return len(p), nil
	})
	out, err := os.Create(filepath.Join(t.TempDir(), "unpacked"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	if err := New().unpack(ctx, "zstd", "x", filepath.Dir(out.Name()), endless, out); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
