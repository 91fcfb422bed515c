// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"rancherdesktop.io/rdd/internal/regular"
)

// Repair writes manifests that are damaged or missing again: from their second copy, or from the
// files of the image, if these are what the name of its directory says. An image that cannot be
// repaired stays as it is; List says why. The error is that of ctx, or of writing.
func (s *Store) Repair(ctx context.Context) error {
	entries, err := s.List()
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if isIntact(entry.dir) {
			continue
		}
		if err := s.repair(ctx, entry.dir); err != nil {
			errs = append(errs, fmt.Errorf("repairing the image %s: %w", entry.ID(), err))
		}
	}
	return errors.Join(errs...)
}

// repair writes the manifest of the image in dir again, if it is known what it should be.
func (s *Store) repair(ctx context.Context, dir string) error {
	m, err := readManifest(dir)
	if err != nil {
		known := false
		if m, known, err = s.rebuildManifest(ctx, dir); err != nil || !known {
			return err
		}
	}
	return s.exclusively(func() error {
		if gone(dir) {
			return nil // removed meanwhile
		}
		if again, err := readManifest(dir); err == nil {
			m = again
		}
		return m.Write(dir)
	})
}

// rebuildManifest computes the manifest of the image in dir from its other files; false when they
// are not of the image that the directory is named after, or when that cannot be known: what was
// decompressed does not show what was downloaded.
func (s *Store) rebuildManifest(ctx context.Context, dir string) (Manifest, bool, error) {
	var errs []error
	for _, format := range []string{FormatQCOW2, FormatRaw} {
		sums, err := fileDigests(ctx, dir, DiskFileOf(format))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, m := range []Manifest{s.asBuilt(dir, format, sums), asFetched(dir, format, sums)} {
			if m.Digest == "" || entryName(m) != filepath.Base(dir) {
				continue
			}
			return describe(m, dir)
		}
	}
	return Manifest{}, false, errors.Join(errs...)
}

// fileDigests returns the digests of the disk, and of kernel and initrd where they are there.
func fileDigests(ctx context.Context, dir, disk string) ([]PartDigest, error) {
	var sums []PartDigest
	for _, file := range []struct{ kind, name string }{{PartDisk, disk}, {PartKernel, KernelFile}, {PartInitrd, InitrdFile}} {
		sum, err := FileDigest(ctx, filepath.Join(dir, file.name))
		if errors.Is(err, fs.ErrNotExist) && file.kind != PartDisk {
			continue
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, PartDigest{Kind: file.kind, Digest: sum})
	}
	return sums, nil
}

// asBuilt is the manifest of an image that was built by a recipe of this rdd. From which revision
// of it is not known, so it counts as outdated.
func (s *Store) asBuilt(dir, format string, sums []PartDigest) Manifest {
	name, _, _ := cutLast(filepath.Base(dir), "-")
	args, err := s.builder.KernelArgs(name)
	if err != nil || format != FormatQCOW2 || len(sums) != 3 {
		return Manifest{}
	}
	return Manifest{
		Name: name, Digest: BuiltDigest(sums[0].Digest, sums[1].Digest, sums[2].Digest, args), Architecture: s.arch, KernelArgs: args,
	}
}

// asFetched is the manifest of an image that was fetched, with what the origins say of its
// locations.
func asFetched(dir, format string, sums []PartDigest) Manifest {
	name, _, _ := cutLast(filepath.Base(dir), "-")
	m := Manifest{
		Name: name, Digest: FetchedDigest(sums), Architecture: runtime.GOARCH, Format: format, Parts: map[string]Part{},
	}
	locations := originLocations(dir)
	for i, sum := range sums {
		location := ""
		if len(locations) == len(sums) {
			location = locations[i]
		}
		m.Parts[sum.Kind] = NewPart(location, []string{sum.Digest})
	}
	return m
}

// originLocations returns the locations of the parts of the image in dir; none when they are not
// known.
func originLocations(dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, originsDir, "[^.]*"))
	if err != nil {
		return nil
	}
	for _, file := range files {
		o, err := readOrigin(file)
		if err != nil {
			continue
		}
		var locations []string
		for _, v := range o.Parts {
			locations = append(locations, v.Location)
		}
		return locations
	}
	return nil
}

// describe completes a manifest by what the disk itself says.
func describe(m Manifest, dir string) (Manifest, bool, error) {
	path := filepath.Join(dir, DiskFileOf(m.format()))
	info, err := regular.Stat(path)
	if err != nil {
		return Manifest{}, false, err
	}
	m.Created = info.ModTime().UTC()
	m.DiskSize, err = DiskSize(path, m.format())
	return m, err == nil, err
}

// announceDamage repairs what is damaged, and reports what could not be repaired as a step: it
// concerns other images than the one that is wanted, or that one is made again.
func (s *Store) announceDamage(ctx context.Context, progress func(Progress)) error {
	if _, err := os.Lstat(s.dir); err != nil {
		return nil //nolint:nilerr // there is no cache yet
	}
	err := s.Repair(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		announce(progress, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}
