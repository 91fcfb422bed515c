// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// rawDisk is a file of size bytes that counts as a raw disk: noise with a boot sector's signature.
func rawDisk(seed uint64, size int) []byte {
	data := make([]byte, size)
	noise := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = noise.Read(data)
	copy(data[510:], "\x55\xaa")
	return data
}

func sha256Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func sha512Digest(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(sum[:])
}

// store is a cache whose fetcher tests change.
type store struct {
	*image.Store
	dir     string
	fetcher *Fetcher
}

// fetchStore is a store that downloads without pauses.
func fetchStore(t *testing.T) *store {
	t.Helper()
	s := &store{dir: filepath.Join(t.TempDir(), "images"), fetcher: New()}
	s.Store = image.NewStore(s.dir, noRecipes{}, s.fetcher)
	s.fetcher.pause = func(int) time.Duration { return 0 }
	t.Cleanup(s.fetcher.client.CloseIdleConnections)
	return s
}

// noRecipes builds nothing.
type noRecipes struct{}

func (noRecipes) Names() []string { return nil }

func (noRecipes) Revision(name string) (string, error) {
	return "", &image.UnknownNameError{Name: name}
}

func (noRecipes) KernelArgs(name string) (string, error) {
	return "", &image.UnknownNameError{Name: name}
}

func (noRecipes) Build(_ context.Context, name string, _ image.BuildOptions, _ string, _ io.Writer, _ func(image.Progress)) error {
	return &image.UnknownNameError{Name: name}
}

func (noRecipes) RemoveAll(_ context.Context, dir string) error { return os.RemoveAll(dir) }

func mustList(t *testing.T, s *store) []image.Entry {
	t.Helper()
	entries, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func checkNoPartial(t *testing.T, s *store) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.dir, ".partial-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// server serves one file as a well-behaved server does, and counts.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	data     []byte
	etag     string
	requests []*http.Request
	// misbehave, if set, answers instead when it returns true. n is the request's number, from 1.
	misbehave func(n int, w http.ResponseWriter, r *http.Request) bool
}

func serve(t *testing.T, data []byte) *server {
	t.Helper()
	s := &server{data: data, etag: `"first"`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	n, data, etag, misbehave := len(s.requests), s.data, s.etag, s.misbehave
	s.mu.Unlock()
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	if misbehave != nil && misbehave(n, w, r) {
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// answer lets the server misbehave.
func (s *server) answer(misbehave func(n int, w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misbehave = misbehave
}

func (s *server) location() string { return s.URL + "/disk.raw" }

func (s *server) source(digest string) image.Source {
	return image.Source{Disk: image.File{Location: s.location(), Digest: digest}}
}

func (s *server) change(data []byte, etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.etag = data, etag
}

// asked returns a header of all requests so far.
func (s *server) asked(header string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var values []string
	for _, r := range s.requests {
		values = append(values, r.Header.Get(header))
	}
	return values
}

// cut sends the first n bytes of what is asked for and breaks the connection.
func (s *server) cut(w http.ResponseWriter, r *http.Request, n int) bool {
	var start int
	status := http.StatusOK
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(s.data)-1, len(s.data)))
		status = http.StatusPartialContent
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(s.data)-start))
	w.WriteHeader(status)
	_, _ = w.Write(s.data[start:min(start+n, len(s.data))])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func mustObtain(t *testing.T, s *store, sources ...image.Source) image.Image {
	t.Helper()
	img, err := s.Obtain(t.Context(), sources, nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func checkDisk(t *testing.T, img image.Image, want []byte) {
	t.Helper()
	got, err := os.ReadFile(img.Disk)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the disk has %d bytes, %s; want %d, %s", len(got), sha256Digest(got), len(want), sha256Digest(want))
	}
}

// checkNothingCached makes sure that no image came of what failed.
func checkNothingCached(t *testing.T, s *store) {
	t.Helper()
	if entries := mustList(t, s); len(entries) > 0 {
		t.Errorf("became an image: %+v", entries)
	}
}

func TestDownload(t *testing.T) {
	data := rawDisk(1, 3<<20)
	for name, digest := range map[string]string{
		"no digest": "", "sha256": sha256Digest(data), "sha512": sha512Digest(data), "capitals": strings.ToUpper(sha256Digest(data)[7:]),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "capitals" {
				digest = "sha256:" + digest
			}
			s, from := fetchStore(t), serve(t, data)
			img := mustObtain(t, s, from.source(digest))
			checkDisk(t, img, data)
			if img.Format != image.FormatRaw || img.Kernel != "" || img.Digest != sha256Digest(data) || img.Name != "disk" {
				t.Errorf("got %+v", img)
			}
			entries := mustList(t, s)
			if len(entries) != 1 || !entries[0].Current || entries[0].Location() != from.location() || entries[0].DiskSize != 3<<20 {
				t.Errorf("the list shows %+v", entries)
			}
			checkNoPartial(t, s)
		})
	}
}

func TestDownloadReportsProgress(t *testing.T) {
	s, from := fetchStore(t), serve(t, rawDisk(1, 3<<20))
	var last image.Progress
	if _, err := s.Obtain(t.Context(), []image.Source{from.source("")}, func(p image.Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	if last.Step != "downloading image" || last.Percent != 0 || !strings.Contains(last.Detail, "of 3.1 MB") {
		t.Errorf("got %+v", last)
	}
}

func TestMeter(t *testing.T) {
	now := time.Unix(0, 0)
	var reported []string
	m := newMeter(func(p image.Progress) {
		reported = append(reported, fmt.Sprintf("%s %d %s", p.Step, p.Percent, p.Detail))
	})
	m.now = func() time.Time { return now }
	m.step("downloading image", 1, 1)
	m.begin(100e6, 500e6)
	_, _ = m.Write(make([]byte, 10e6)) // too soon to tell
	now = now.Add(2 * time.Second)
	_, _ = m.Write(make([]byte, 90e6))
	m.begin(0, -1)
	want := []string{
		"downloading image -1 ", "downloading image 20 100 of 500 MB",
		"downloading image 40 200 of 500 MB, 50 MB/s", "downloading image 40 0.0 MB",
	}
	if strings.Join(reported, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(reported, "\n"), strings.Join(want, "\n"))
	}
}

func TestWrongDigest(t *testing.T) {
	data, other := rawDisk(1, 1<<20), rawDisk(2, 1<<20)
	for _, want := range []string{sha256Digest(other), sha512Digest(other)} {
		s, from := fetchStore(t), serve(t, data)
		var bodies atomic.Int64
		from.answer(func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("If-None-Match") == "" {
				bodies.Add(1)
			}
			return false
		})
		for range 2 {
			_, err := s.Obtain(t.Context(), []image.Source{from.source(want)}, nil)
			var wrong *image.DigestError
			if !errors.As(err, &wrong) || wrong.Want != want ||
				!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), wrong.Got) {
				t.Fatalf("got %v, want a image.DigestError that names both", err)
			}
			if vm.Retryable(err) {
				t.Error("a wrong digest is tried again at once")
			}
			checkNothingCached(t, s)
		}
		if bodies.Load() != 1 {
			t.Errorf("the wrong file was downloaded %d times", bodies.Load())
		}
		// The publisher corrects the file.
		from.change(other, `"corrected"`)
		checkDisk(t, mustObtain(t, s, from.source(want)), other)
	}
}

func TestWrongDigestIsNoReasonForTheNextSource(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, first, second := fetchStore(t), serve(t, data), serve(t, data)
	_, err := s.Obtain(t.Context(), []image.Source{first.source(sha256Digest(rawDisk(2, 1000))), second.source("")}, nil)
	if !errors.As(err, new(*image.DigestError)) {
		t.Errorf("got %v, want a DigestError", err)
	}
	if len(second.asked("Range")) > 0 {
		t.Error("the next source was asked")
	}
}

func TestUnfitDigestIsRefused(t *testing.T) {
	for _, digest := range []string{"md5:00", "sha256:00", "sha256", "sha512:" + strings.Repeat("z", 128)} {
		s := fetchStore(t)
		_, err := s.Obtain(t.Context(), []image.Source{{Disk: image.File{Location: "http://127.0.0.1:1/x", Digest: digest}}}, nil)
		if !errors.As(err, new(*vm.InvalidSpecError)) || vm.Retryable(err) {
			t.Errorf("%s: got %v", digest, err)
		}
	}
}

func TestStatusCodes(t *testing.T) {
	for _, tc := range []struct {
		status    int
		retryable bool
		requests  int
	}{
		{http.StatusNotFound, false, 1}, {http.StatusForbidden, false, 1}, {http.StatusGone, false, 1}, {http.StatusUnauthorized, false, 1},
		{http.StatusNoContent, false, 1}, {http.StatusInternalServerError, true, 4}, {http.StatusServiceUnavailable, true, 4},
		{http.StatusTooManyRequests, true, 4},
	} {
		s, from := fetchStore(t), serve(t, nil)
		from.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(tc.status)
			return true
		})
		_, err := s.Obtain(t.Context(), []image.Source{from.source("")}, nil)
		var unavailable *image.UnavailableError
		if !errors.As(err, &unavailable) || vm.Retryable(err) != tc.retryable ||
			!strings.Contains(err.Error(), fmt.Sprint(tc.status)) || !strings.Contains(err.Error(), from.location()) {
			t.Errorf("%d: got %v (retryable: %t)", tc.status, err, vm.Retryable(err))
		}
		if n := len(from.asked("Range")); n != tc.requests {
			t.Errorf("%d: %d requests, want %d", tc.status, n, tc.requests)
		}
		checkNothingCached(t, s)
		checkNoPartial(t, s)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "3600": longestRetryAfter, "-1": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0,
	} {
		if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {header}}}); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func TestNextSourceWhenOneIsNotThere(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, from := fetchStore(t), serve(t, data)
	gone := serve(t, nil)
	gone.answer(func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	dead := image.Source{Disk: image.File{Location: "http://127.0.0.1:1/none.img"}}
	none := image.Source{Disk: image.File{Location: filepath.Join(t.TempDir(), "none.img")}}
	checkDisk(t, mustObtain(t, s, gone.source(""), dead, none, from.source("")), data)

	_, err := s.Obtain(t.Context(), []image.Source{gone.source(""), none}, nil)
	if vm.Retryable(err) || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v (retryable: %t)", err, vm.Retryable(err))
	}
	_, err = s.Obtain(t.Context(), []image.Source{gone.source(""), dead}, nil)
	if !vm.Retryable(err) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v (retryable: %t)", err, vm.Retryable(err))
	}
}

func TestTwoDownloadsAtOnce(t *testing.T) {
	data := rawDisk(1, 1<<20)
	s, from := fetchStore(t), serve(t, data)
	begun, release := make(chan struct{}), make(chan struct{})
	from.answer(func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			close(begun)
			<-release
		}
		return false
	})
	var all sync.WaitGroup
	obtain := func(listen func(image.Progress)) {
		defer all.Done()
		img, err := s.Obtain(context.Background(), []image.Source{from.source(sha256Digest(data))}, listen)
		if err != nil {
			t.Error(err)
			return
		}
		checkDisk(t, img, data)
	}
	all.Add(2)
	go obtain(nil)
	<-begun
	go obtain(func(p image.Progress) {
		if strings.HasPrefix(p.Step, "waiting for another") {
			close(release)
		}
	})
	all.Wait()
	if n := len(from.asked("Range")); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
