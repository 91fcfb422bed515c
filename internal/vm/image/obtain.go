// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

// Names in the cache of what is being fetched, followed by Source.key.
const (
	fetchPrefix     = partialPrefix + "fetch-"
	fetchLockPrefix = ".fetch-"
)

// Obtain returns the first of sources that can be had: a built image as Ensure does; any other from
// the cache, or else by downloading or copying it. The next one is tried when a location gives
// nothing, not when what it gives is wrong. progress may be nil.
//
// An image with digests is taken from the cache wherever it came from. Without, the server is asked
// whether it has the same still; when it does not answer, the cached one is taken. While another
// process fetches the same, Obtain waits for that. What was transferred before an error or a crash
// is kept, and the next call goes on from there.
//
// *UnavailableError, *InterruptedError, *DigestError, *FormatError, *SourcesError of these,
// *vm.HostError, and Ensure's.
func (s *Store) Obtain(ctx context.Context, sources []Source, progress func(Progress)) (Image, error) {
	var errs []error
	for _, source := range sources {
		image, err := s.obtain(ctx, source, progress)
		if err == nil {
			return image, nil
		}
		errs = append(errs, err)
		var unavailable *UnavailableError
		if ctx.Err() != nil || !errors.As(err, &unavailable) {
			break
		}
	}
	if len(errs) == 1 {
		return Image{}, errs[0]
	}
	return Image{}, &SourcesError{Errs: errs}
}

func (s *Store) obtain(ctx context.Context, source Source, progress func(Progress)) (Image, error) {
	if name, ok := source.Built(); ok {
		return s.Ensure(ctx, name, progress)
	}
	for _, p := range source.Parts() {
		if p.Digest == "" {
			continue
		}
		if err := CheckDigest(p.Digest); err != nil {
			return Image{}, &vm.InvalidSpecError{Reason: err.Error()}
		}
	}
	if image, found, err := s.byDigest(source); err != nil || found {
		return image, err
	}
	return s.fetchLocked(ctx, source, progress)
}

// fetchLocked fetches a source unless another process has done so meanwhile.
func (s *Store) fetchLocked(ctx context.Context, source Source, progress func(Progress)) (_ Image, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return Image{}, fmt.Errorf("creating the image cache: %w", err)
	}
	path := filepath.Join(s.dir, fetchLockPrefix+source.key()+".lock")
	lock, err := flock.Try(path)
	if errors.Is(err, flock.ErrLocked) {
		announce(progress, "waiting for another rdd that is downloading the image")
		lock, err = flock.Wait(ctx, path)
	}
	if err != nil {
		return Image{}, fmt.Errorf("fetching the image: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if image, found, err := s.byDigest(source); err != nil || found {
		return image, err
	}
	return s.fetchOrKeep(ctx, source, progress)
}

// fetchOrKeep fetches a source, or keeps what is cached of it when that has not changed or nobody
// can tell.
func (s *Store) fetchOrKeep(ctx context.Context, source Source, progress func(Progress)) (Image, error) {
	cached, origin, err := s.byOrigin(source)
	if err != nil {
		return Image{}, err
	}
	if cached == nil {
		return s.fetch(ctx, source, nil, progress)
	}
	known := cached.image(source.KernelArgs)
	if !origin.askable() {
		return known, nil
	}
	image, err := s.fetch(ctx, source, origin.Parts, progress)
	var unavailable *UnavailableError
	switch {
	case errors.Is(err, ErrUnchanged):
		return known, nil
	case errors.As(err, &unavailable), errors.As(err, new(*InterruptedError)):
		announce(progress, "using the image in the cache: "+err.Error())
		return known, nil
	}
	return image, err
}

// fetch fetches all parts of a source and makes an image of them. When each part is of the version
// known still, it ends with ErrUnchanged.
func (s *Store) fetch(ctx context.Context, source Source, known []Version, progress func(Progress)) (Image, error) {
	dir := filepath.Join(s.dir, fetchPrefix+source.key())
	versions, err := s.fetcher.Fetch(ctx, source, known, dir, progress)
	if err != nil {
		return Image{}, err
	}
	image, err := s.publishFetched(filepath.Join(dir, OutDir), source, versions)
	return image, errors.Join(err, atomicfile.RemoveAll(dir))
}
