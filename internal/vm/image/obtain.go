// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
)

// Names in the cache of what is being fetched: the directory and its lock. Source.key follows.
const (
	fetchPrefix     = partialPrefix + "fetch-"
	fetchLockPrefix = ".fetch-"
)

// Obtain returns the image of the first of sources that is available. One that rdd builds it
// returns as Ensure does, any other from the cache, or else by downloading or copying it. The next
// source is tried when a location is unavailable, not when its file is wrong. progress may be nil;
// calls of it are serial.
//
// An image whose source has digests is taken from the cache wherever it came from. Without digests,
// the server is asked whether it still has the cached version; when it does not answer, the cached
// image is used. While another process fetches the same source, Obtain waits for that process. What
// was transferred before an error or a crash is kept, and the next call goes on from there.
//
// *UnavailableError, *InterruptedError, *DigestError, *FormatError, a *SourcesError of
// these, *vm.InvalidSpecError for a malformed digest, *vm.HostError, and those of Ensure.
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

// obtain returns the image of one source.
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
	if err := s.announceDamage(ctx, progress); err != nil {
		return Image{}, err
	}
	if image, found, err := s.byDigest(source); err != nil || found {
		return image, err
	}
	return s.fetchLocked(ctx, source, progress)
}

// fetchLocked fetches a source holding its lock, unless another process has fetched it meanwhile.
func (s *Store) fetchLocked(ctx context.Context, source Source, progress func(Progress)) (_ Image, err error) {
	if err := atomicfile.MkdirAll(s.dir, 0o700); err != nil {
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

// fetchOrKeep fetches a source, or returns its cached image when that has not changed, or when that
// cannot be found out.
func (s *Store) fetchOrKeep(ctx context.Context, source Source, progress func(Progress)) (Image, error) {
	cached, origin, err := s.byOrigin(source)
	if err != nil {
		return Image{}, err
	}
	if cached == nil {
		return s.fetch(ctx, source, nil, progress)
	}
	known := cached.image(source.KernelArgs)
	if !origin.checkable() {
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

// fetch fetches all parts of a source and publishes an image of them. When each part still is of
// the version known, it returns ErrUnchanged.
func (s *Store) fetch(ctx context.Context, source Source, known []Version, progress func(Progress)) (Image, error) {
	dir := filepath.Join(s.dir, fetchPrefix+source.key())
	versions, err := s.fetcher.Fetch(ctx, source, known, dir, progress)
	if err != nil {
		return Image{}, err
	}
	image, err := s.publishFetched(filepath.Join(dir, OutDir), source, versions)
	return image, errors.Join(err, atomicfile.RemoveAll(dir))
}
