// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
)

// Entry is an image in the cache, with its state there.
type Entry struct {
	Manifest
	// Current says that a new machine would be made from this image. It is the newest of its name
	// that is up to date, or the one that a location had when it was last checked.
	Current bool `json:"current"`
	// Outdated says that it was built from another recipe than this rdd's.
	Outdated bool `json:"outdated"`
	// Size is the space its files take, in bytes.
	Size int64 `json:"size"`
	// Users are the directories of the machines that share its data, or whose disks refer to it.
	// One whose record is damaged is named by the record.
	Users []string `json:"users,omitempty"`
	// Damage says what is wrong with its files; empty for an image that can be used.
	Damage string `json:"damage,omitempty"`
	dir    string
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

// List returns all images in the cache: by name, newest first. One that is damaged is among them,
// with its Damage.
func (s *Store) List() ([]Entry, error) {
	found, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	var entries []Entry
	for _, f := range found {
		if strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if entry, ok := readEntry(filepath.Join(s.dir, f.Name())); ok {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, compareEntries)
	return entries, s.classify(entries)
}

// usable returns the images that are not damaged.
func (s *Store) usable() ([]Entry, error) {
	entries, err := s.List()
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Damage != "" }), err
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
		if e.Damage != "" {
			continue
		}
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

// readEntry reads the image in dir; false when there is none, or it is being removed.
func readEntry(dir string) (Entry, bool) {
	entry := Entry{dir: dir}
	var err error
	if entry.Manifest, err = readManifest(dir); err != nil {
		if !hasDisk(dir) {
			return Entry{}, false
		}
		name, _, _ := cutLast(filepath.Base(dir), "-")
		entry.Manifest = Manifest{Name: name}
		entry.damaged(err)
	} else {
		for _, name := range entry.files() {
			entry.damaged(checkFile(filepath.Join(dir, name)))
		}
	}
	entry.Users = readUsers(dir)
	entry.Size, _ = usage(dir)
	if _, err := os.Stat(dir); err != nil {
		return Entry{}, false // removed since
	}
	return entry, true
}

// damaged records the first damage of an image; nil is none.
func (e *Entry) damaged(err error) {
	if err != nil && e.Damage == "" {
		e.Damage = err.Error()
	}
}

// checkFile returns an error when a file of an image is not there, is empty, or not a file.
func checkFile(path string) error {
	info, err := regular.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing", path)
	case err == nil && info.Size() == 0:
		return fmt.Errorf("%s is empty", path)
	}
	return err
}

// hasDisk reports whether a directory holds a disk, so that it is an image whatever else it lacks.
func hasDisk(dir string) bool {
	return slices.ContainsFunc([]string{DiskFile, rawDiskFile}, func(name string) bool {
		_, err := regular.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}
