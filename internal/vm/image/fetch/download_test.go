// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

func TestCutConnectionIsResumed(t *testing.T) {
	data := rawDisk(1, 3<<20)
	s, from := fetchStore(t), serve(t, data)
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		return n < 10 && from.cut(w, r, 300_000)
	})
	checkDisk(t, mustObtain(t, s, from.source(sha256Digest(data))), data)
	ranges, conditions := from.asked("Range"), from.asked("If-Range")
	if len(ranges) != 10 || ranges[9] == "" || conditions[9] != `"first"` {
		t.Errorf("Range %q, If-Range %q", ranges, conditions)
	}
}

func TestDownloadGoesOnAfterItWasGivenUp(t *testing.T) {
	data := rawDisk(1, 3<<20)
	s, from := fetchStore(t), serve(t, data)
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case n == 1:
			return from.cut(w, r, 1<<20)
		case n <= 4:
			return from.cut(w, r, 0)
		}
		return false
	})
	_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
	var interrupted *image.InterruptedError
	if !errors.As(err, &interrupted) || interrupted.Have != 1<<20 || interrupted.Want != 3<<20 || !vm.Retryable(err) {
		t.Fatalf("got %v, want an image.InterruptedError after 1 of 3 MiB", err)
	}
	checkNothingCached(t, s)
	checkDisk(t, mustObtain(t, s, from.source("")), data)
	if ranges := from.asked("Range"); ranges[4] != "bytes=1048576-" {
		t.Errorf("the next attempt asked for %q", ranges[4])
	}
}

// A server that ignores Range answers 200 with the whole file.
func TestServerWithoutRanges(t *testing.T) {
	data := rawDisk(1, 2<<20)
	s, from := fetchStore(t), serve(t, data)
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		if n == 1 {
			return from.cut(w, r, 1<<20)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data)
		return true
	})
	checkDisk(t, mustObtain(t, s, from.source(sha256Digest(data))), data)
}

func TestFileThatChangesWhileItIsDownloaded(t *testing.T) {
	first, second := rawDisk(1, 2<<20), rawDisk(2, 2<<20)
	for name, misbehave := range map[string]func(from *server, w http.ResponseWriter, r *http.Request) bool{
		"a server that heeds If-Range": func(*server, http.ResponseWriter, *http.Request) bool { return false },
		"a server that does not": func(from *server, w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("If-Range")
			return false
		},
		"one that does not say either": func(from *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Del("ETag")
			r.Header.Del("If-Range")
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, from := fetchStore(t), serve(t, first)
			from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n == 1 {
					defer from.change(second, `"second"`)
					return from.cut(w, r, 1<<20)
				}
				return misbehave(from, w, r)
			})
			checkDisk(t, mustObtain(t, s, from.source(sha256Digest(second))), second)
		})
	}
}

// A part that begins at another offset than requested, or is of a file of another size, is refused.
func TestWrongParts(t *testing.T) {
	data := rawDisk(1, 2<<20)
	for _, header := range []string{"bytes 7-2097151/2097152", "bytes 1048576-2097151/9999999", "nonsense", ""} {
		s, from := fetchStore(t), serve(t, data)
		from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
			switch {
			case n == 1:
				return from.cut(w, r, 1<<20)
			case r.Header.Get("Range") != "":
				w.Header().Set("Content-Range", header)
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(data[:1<<20])
				return true
			}
			return false
		})
		checkDisk(t, mustObtain(t, s, from.source("")), data)
	}
}

func TestWrongLengths(t *testing.T) {
	data := rawDisk(1, 1<<20)
	t.Run("less than announced", func(t *testing.T) {
		s, from := fetchStore(t), serve(t, data)
		from.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)+1000))
			_, _ = w.Write(data)
			return true
		})
		_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
		if !errors.As(err, new(*image.InterruptedError)) {
			t.Errorf("got %v, want an InterruptedError", err)
		}
		checkNothingCached(t, s)
	})
	t.Run("none announced", func(t *testing.T) {
		s, from := fetchStore(t), serve(t, data)
		from.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(data[:1000])
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(data[1000:])
			return true
		})
		checkDisk(t, mustObtain(t, s, from.source("")), data)
	})
	t.Run("all there already", func(t *testing.T) {
		s, from := fetchStore(t), serve(t, data)
		from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == 1 {
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				_, _ = w.Write(data)
				_ = http.NewResponseController(w).Flush()
				return true
			}
			return false
		})
		ctx, cancel := context.WithCancel(t.Context())
		s.fetcher.writer = func(w io.Writer) io.Writer {
			return writerFunc(func(p []byte) (int, error) {
				n, err := w.Write(p)
				if info, statErr := w.(*os.File).Stat(); statErr == nil && info.Size() == int64(len(data)) {
					cancel()
				}
				return n, err
			})
		}
		if _, err := s.Obtain(ctx, []image.Source{from.source("")}, nil); err == nil {
			t.Skip("the download was quicker than its end")
		}
		s.fetcher.writer = func(w io.Writer) io.Writer { return w }
		checkDisk(t, mustObtain(t, s, from.source("")), data)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSilentServer(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, from := fetchStore(t), serve(t, data)
	s.fetcher.stall = 50 * time.Millisecond
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:1000])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-release:
			}
			return true
		}
		return false
	})
	checkDisk(t, mustObtain(t, s, from.source("")), data)
	if ranges := from.asked("Range"); len(ranges) != 2 || ranges[1] != "bytes=1000-" {
		t.Errorf("Range: %q", ranges)
	}
}

func TestCancelledDownloadGoesOnLater(t *testing.T) {
	data := rawDisk(1, 2<<20)
	s, from := fetchStore(t), serve(t, data)
	ctx, cancel := context.WithCancel(t.Context())
	from.answer(func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 1 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:1<<20])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	s.fetcher.writer = func(w io.Writer) io.Writer {
		return writerFunc(func(p []byte) (int, error) {
			n, err := w.Write(p)
			if info, statErr := w.(*os.File).Stat(); statErr == nil && info.Size() >= 1<<20 {
				cancel()
			}
			return n, err
		})
	}
	if _, err := s.Obtain(ctx, []image.Source{from.source("")}, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want Canceled", err)
	}
	s.fetcher.writer = func(w io.Writer) io.Writer { return w }
	checkDisk(t, mustObtain(t, s, from.source("")), data)
	if ranges := from.asked("Range"); len(ranges) != 2 || ranges[1] != "bytes=1048576-" {
		t.Errorf("Range: %q", ranges)
	}
}

func TestFullDisk(t *testing.T) {
	data := rawDisk(1, 2<<20)
	check := func(t *testing.T, s *store, from *server) {
		t.Helper()
		_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
		var host *vm.HostError
		if !errors.As(err, &host) || vm.Retryable(err) || !strings.Contains(host.Missing, "disk space") || host.Hint == "" {
			t.Errorf("got %v, want a HostError about disk space", err)
		}
		checkNothingCached(t, s)
	}
	t.Run("known before", func(t *testing.T) {
		s, from := fetchStore(t), serve(t, data)
		s.fetcher.freeSpace = func(string) (int64, error) { return spaceMargin + 1<<20, nil }
		check(t, s, from)
	})
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		t.Run("in the middle: "+errno.Error(), func(t *testing.T) {
			s, from := fetchStore(t), serve(t, data)
			s.fetcher.writer = func(w io.Writer) io.Writer {
				left := 1 << 20
				return writerFunc(func(p []byte) (int, error) {
					if left -= len(p); left < 0 {
						return 0, &os.PathError{Op: "write", Path: "x", Err: errno}
					}
					return w.Write(p)
				})
			}
			check(t, s, from)
			s.fetcher.writer = func(w io.Writer) io.Writer { return w }
			checkDisk(t, mustObtain(t, s, from.source("")), data)
			if ranges := from.asked("Range"); ranges[1] == "" {
				t.Error("with space again, the download began anew")
			}
		})
	}
}
