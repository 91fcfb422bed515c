// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/redirect"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// Fetcher downloads and copies images from the locations of templates. It implements image.Fetcher,
// and may be used by several goroutines.
type Fetcher struct {
	// arch of images whose source does not say it, as Go names it.
	arch      string
	client    *http.Client
	freeSpace func(dir string) (int64, error)
	// writer wraps the file of a download; tests make it fail.
	writer func(io.Writer) io.Writer
	// stall is how long a server may send nothing.
	stall time.Duration
	// attempts is how many in a row may make no progress; pause is the back-off after the n-th.
	attempts int
	pause    func(n int) time.Duration
}

var _ image.Fetcher = &Fetcher{}

// New returns a Fetcher. Proxies are those of the environment, as net/http reads it.
func New() *Fetcher {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.DisableCompression = true
	return &Fetcher{
		arch: runtime.GOARCH, client: &http.Client{Transport: transport, CheckRedirect: redirect.Check}, freeSpace: image.FreeSpace,
		writer:   func(w io.Writer) io.Writer { return w },
		attempts: 4, stall: time.Minute,
		pause: func(n int) time.Duration { return time.Second << min(n, 4) },
	}
}

// Fetch implements image.Fetcher.
func (f *Fetcher) Fetch(
	ctx context.Context, source image.Source, known []image.Version, dir string, progress func(image.Progress),
) ([]image.Version, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("fetching the image: %w", err)
	}
	fetcher := *f
	if known != nil {
		fetcher.attempts = 1 // there is an image to use instead
	}
	a := &assembly{Fetcher: &fetcher, dir: dir, source: source, meter: newMeter(progress)}
	err := a.get(ctx, known)
	if errors.Is(err, image.ErrUnchanged) {
		return nil, errors.Join(err, atomicfile.RemoveAll(dir))
	}
	if err != nil {
		return nil, errors.Join(err, a.discard(err))
	}
	if err := a.assemble(ctx); err != nil {
		return nil, errors.Join(err, a.discard(err))
	}
	return a.versions(), nil
}
