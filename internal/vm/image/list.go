// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm"
)

// Entry is an image in the cache, with its state there.
type Entry struct {
	Manifest
	// Current says that a new machine would be made from this image. It is the newest of its name that
	// is up to date, or the one that a location had when it was last checked.
	Current bool `json:"current"`
	// Outdated says that it was built from another recipe than this rdd's.
	Outdated bool `json:"outdated"`
	// Size is the space its files take, in bytes.
	Size int64 `json:"size"`
	// Users are the directories of the machines whose disks refer to it.
	Users []string `json:"users,omitempty"`
	dir   string
}

// ID is the name of the image's directory: unique in the cache.
func (e Entry) ID() string { return filepath.Base(e.dir) }

// Location is where a fetched image came from, or rdd:NAME of one that was built, as templates give
// it.
func (e Entry) Location() string {
	if e.fetched() {
		return vm.Redacted(e.Parts[PartDisk].Location)
	}
	return Scheme + e.Name
}

// image returns the entry as a machine uses it. The kernel's arguments are those of the manifest,
// or of the source by which it was obtained.
func (e Entry) image(kernelArgs string) Image {
	image := Image{Name: e.Name, Digest: e.Digest, KernelArgs: kernelArgs, Format: e.format(), Parts: e.Parts}
	for _, name := range e.files() {
		path := filepath.Join(e.dir, name)
		switch name {
		case KernelFile:
			image.Kernel = path
		case InitrdFile:
			image.Initrd = path
		default:
			image.Disk = path
		}
	}
	return image
}

// List returns all images in the cache: by name, newest first.
func (s *Store) List() ([]Entry, error) {
	manifests, err := filepath.Glob(filepath.Join(s.dir, "*", manifestFile))
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	var entries []Entry
	for _, path := range manifests {
		if strings.HasPrefix(filepath.Base(filepath.Dir(path)), ".") {
			continue
		}
		entry, err := readEntry(filepath.Dir(path))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed since
		}
		if err != nil {
			return nil, fmt.Errorf("listing images: %w; to cure it, remove the directory %s", err, filepath.Dir(path))
		}
		entries = append(entries, entry)
	}
	slices.SortFunc(entries, compareEntries)
	return entries, s.classify(entries)
}

// compareEntries orders by name, and newest first. The digest makes the order the same each time.
func compareEntries(a, b Entry) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	if c := b.Created.Compare(a.Created); c != 0 {
		return c
	}
	return strings.Compare(a.Digest, b.Digest)
}

// classify sets Current and Outdated of sorted entries.
func (s *Store) classify(entries []Entry) error {
	revisions := map[string]string{}
	for _, name := range s.builder.Names() {
		revision, err := s.builder.Revision(name)
		if err != nil {
			return err
		}
		revisions[name] = revision
	}
	found := map[string]bool{}
	for i := range entries {
		e := &entries[i]
		if e.fetched() {
			e.Current = hasOrigin(e.dir)
			continue
		}
		e.Outdated = e.Recipe != revisions[e.Name] || e.Architecture != s.arch
		e.Current = !e.Outdated && !found[e.Name]
		found[e.Name] = found[e.Name] || e.Current
	}
	return nil
}

// readEntry reads the image in dir. Of one that is being removed it returns fs.ErrNotExist.
func readEntry(dir string) (Entry, error) {
	manifest, err := readManifest(dir)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Manifest: manifest, dir: dir}
	if entry.Users, err = readUsers(dir); err != nil {
		return Entry{}, err
	}
	for _, name := range manifest.files() {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return Entry{}, fmt.Errorf("looking at an image: %w", err)
		}
		entry.Size += info.Size()
	}
	return entry, nil
}
