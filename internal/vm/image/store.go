// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
)

// Names in the cache that are not images. A build's directory begins with
// partialPrefix and the recipe's name; it is stale when nobody holds the recipe's build lock.
const (
	partialPrefix = ".partial-"
	storeLock     = ".lock"
	logDir        = "logs"
)

// Store is the cache of images in one directory. Any number of processes may use it at once.
type Store struct {
	dir     string
	arch    string
	builder Builder
	fetcher Fetcher
}

// NewStore makes the store of the images in dir, which need not exist yet.
func NewStore(dir string, builder Builder, fetcher Fetcher) *Store {
	return &Store{dir: dir, arch: runtime.GOARCH, builder: builder, fetcher: fetcher}
}

// Names returns the names of the images that can be built on this host.
func (s *Store) Names() []string { return s.builder.Names() }

// Get returns the newest image of a name that is up to date with its recipe. It builds nothing.
// ErrNotFound, *UnknownNameError.
func (s *Store) Get(name string) (Image, error) {
	if _, err := s.builder.Revision(name); err != nil {
		return Image{}, err
	}
	entries, err := s.usable()
	if err != nil {
		return Image{}, err
	}
	for _, entry := range entries {
		if entry.Name == name && entry.Current && !entry.fetched() {
			return entry.image(entry.KernelArgs), nil
		}
	}
	return Image{}, fmt.Errorf("image %s: %w", name, ErrNotFound)
}

// GetDigest returns the image of a digest, up to date or not. ErrNotFound.
func (s *Store) GetDigest(digest string) (Image, error) {
	entries, err := s.usable()
	if err != nil {
		return Image{}, err
	}
	for _, entry := range entries {
		if entry.Digest == digest {
			return entry.image(entry.KernelArgs), nil
		}
	}
	return Image{}, fmt.Errorf("image %s: %w", digest, ErrNotFound)
}

// Kernel returns the kernel and the initrd of any image that was built, empty when there is none.
// They serve to try an accelerator.
func (s *Store) Kernel() (kernel, initrd string, err error) {
	entries, err := s.usable()
	if err != nil {
		return "", "", err
	}
	for _, entry := range entries {
		if !entry.fetched() {
			image := entry.image(entry.KernelArgs)
			return image.Kernel, image.Initrd, nil
		}
	}
	return "", "", nil
}

// exclusively calls do holding the store's lock, without which no process adds, uses or removes
// images. do must be quick: others wait without a timeout.
func (s *Store) exclusively(do func() error) (err error) {
	lock, err := flock.Wait(context.Background(), filepath.Join(s.dir, storeLock))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return do()
}

// writeJSON replaces a file by a JSON text for people, too.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return atomicfile.Write(path, append(data, '\n'), 0o644)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
