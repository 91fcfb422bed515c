// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
)

// cloudImageDir holds what the test's cloud image is built from.
var cloudImageDir = filepath.Join("..", "cloudimage")

// cloudImage returns a cloud image, and its digest. It is built when there is none of the same
// recipe in the cache.
func cloudImage(t *testing.T, cache string) (path, digest string) {
	t.Helper()
	dir := filepath.Join(cache, "rancher-desktop", "test")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "cloud-"+treeSum(t, cloudImageDir)[:16]+".qcow2")
	lock, err := flock.Wait(t.Context(), filepath.Join(dir, "cloud.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := os.Stat(path); err != nil {
		buildCloudImage(t, path)
	}
	return path, "sha256:" + fileSum(t, path)
}

// buildCloudImage builds the image and removes those of other recipes.
func buildCloudImage(t *testing.T, path string) {
	t.Helper()
	began := time.Now()
	out, err := exec.Command(filepath.Join(cloudImageDir, "build"), path).CombinedOutput()
	if err != nil {
		t.Fatalf("building the test's cloud image: %v\n%s", err, out[max(0, len(out)-3000):])
	}
	older, err := filepath.Glob(filepath.Join(filepath.Dir(path), "cloud-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range older {
		if other == path {
			continue
		}
		if err := os.RemoveAll(other); err != nil {
			t.Error(err)
		}
	}
	t.Logf("built the cloud image in %.0f s", time.Since(began).Seconds())
}

// treeSum identifies the content of a directory.
func treeSum(t *testing.T, dir string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func fileSum(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// imageServer serves one file at /cloud.qcow2. The first connection breaks off in the middle.
type imageServer struct {
	*httptest.Server
	path string

	mu     sync.Mutex
	ranges []string
}

func serveImage(t *testing.T, path string) *imageServer {
	t.Helper()
	s := &imageServer{path: path}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *imageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/cloud.qcow2" {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	first := len(s.ranges) == 1
	s.mu.Unlock()
	w.Header().Set("ETag", `"of the test"`)
	if first {
		w = &breakingWriter{ResponseWriter: w, left: 50 << 20}
	}
	http.ServeFile(w, r, s.path)
}

// asked returns the Range headers of all requests.
func (s *imageServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ranges
}

// breakingWriter breaks the connection after so many bytes.
type breakingWriter struct {
	http.ResponseWriter
	left int
}

func (b *breakingWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return b.ResponseWriter.Write(p)
}
