// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// assembly makes an image of a source in a directory of its own. What is downloaded stays there
// when the process is interrupted.
type assembly struct {
	*Fetcher
	dir    string
	source image.Source
	meter  *meter
	// fetched are the parts so far, in the order of Source.Parts.
	fetched []fetchedPart
}

// fetchedPart is a part that was transferred completely.
type fetchedPart struct {
	image.SourcePart
	version version
	// digests of what was transferred.
	digests []string
}

// file returns the path of a part while it is transferred.
func (a *assembly) file(p image.SourcePart) string { return filepath.Join(a.dir, p.Kind) }

// unpacked returns the path of the disk while it is decompressed.
func (a *assembly) unpacked() string { return filepath.Join(a.dir, image.PartDisk+".unpacked") }

// out returns the path of a file of the image that is being made.
func (a *assembly) out(name ...string) string {
	return filepath.Join(append([]string{a.dir, image.OutDir}, name...)...)
}

// get fetches the parts. known are their versions in the cache; when none has changed it returns
// image.ErrUnchanged.
func (a *assembly) get(ctx context.Context, known []image.Version) error {
	parts, unchanged := a.source.Parts(), 0
	for i, p := range parts {
		var old version
		if len(known) == len(parts) {
			old.Version = known[i]
		}
		err := a.getPart(ctx, p, i, old)
		if errors.Is(err, image.ErrUnchanged) {
			unchanged++
			continue
		}
		if err != nil {
			return err
		}
	}
	switch unchanged {
	case 0:
		return nil
	case len(parts):
		return image.ErrUnchanged
	}
	// Some have changed: the image is made of all parts as they are now.
	a.fetched = nil
	return a.get(ctx, nil)
}

// getPart fetches a part and records it with its digests.
func (a *assembly) getPart(ctx context.Context, p image.SourcePart, index int, known version) error {
	digest := newDigester(p.Digest)
	v, err := a.transferPart(ctx, p, index, known, digest)
	if err == nil {
		a.fetched = append(a.fetched, fetchedPart{SourcePart: p, version: v, digests: digest.digests()})
	}
	return err
}

// transferPart downloads or copies a part, unless its version is the known one.
func (a *assembly) transferPart(ctx context.Context, p image.SourcePart, index int, known version, digest *digester) (version, error) {
	count := len(a.source.Parts())
	if p.IsURL() {
		a.meter.step("looking for the "+p.Kind, index+1, count)
		d := &download{
			Fetcher: a.Fetcher, File: p.File, kind: p.Kind, dir: a.dir, path: a.file(p), meter: a.meter, digest: digest, known: known,
		}
		return d.run(ctx)
	}
	a.meter.step("copying "+p.Kind, index+1, count)
	if info, err := os.Stat(p.Location); err == nil && fileVersion(p.Location, info) == known {
		return version{}, image.ErrUnchanged
	}
	return a.copyIn(ctx, p.File, a.dir, a.file(p), digest, a.meter)
}

// versions are those of the parts.
func (a *assembly) versions() []image.Version {
	versions := make([]image.Version, 0, len(a.fetched))
	for _, p := range a.fetched {
		versions = append(versions, p.version.Version)
	}
	return versions
}

// discard removes what no later call can go on with: all but downloads of which the server can be
// asked for the rest, and records of a wrong digest. Of a file that can never become an image,
// nothing is kept.
func (a *assembly) discard(cause error) error {
	kept := false
	if !errors.As(cause, new(*image.FormatError)) {
		for _, p := range a.source.Parts() {
			v, err := readState(a.file(p) + stateSuffix)
			if err != nil {
				return err
			}
			kept = kept || v.Wrong != "" || v.validator() != ""
		}
	}
	if !kept {
		return atomicfile.RemoveAll(a.dir)
	}
	return errors.Join(atomicfile.RemoveAll(a.out()), atomicfile.Remove(a.unpacked()))
}

// assemble makes the image's directory, complete and durable, of what was fetched.
func (a *assembly) assemble(ctx context.Context) error {
	if err := errors.Join(atomicfile.RemoveAll(a.out()), os.Mkdir(a.out(), 0o700)); err != nil {
		return fmt.Errorf("putting the image together: %w", err)
	}
	manifest := a.manifest()
	var err error
	if manifest.Format, err = a.makeDisk(ctx); err != nil {
		return err
	}
	for _, p := range a.fetched[1:] {
		if err := a.makeBootFile(p); err != nil {
			return err
		}
	}
	if manifest.DiskSize, err = image.DiskSize(a.out(image.DiskFileOf(manifest.Format)), manifest.Format); err != nil {
		return &image.FormatError{Location: a.source.Disk.Location, Reason: err.Error()}
	}
	return errors.Join(manifest.Write(a.out()), atomicfile.SyncDir(a.out()))
}

// makeDisk puts the disk into the image, decompressed if need be, and returns its format.
func (a *assembly) makeDisk(ctx context.Context) (string, error) {
	location, path := a.source.Disk.Location, a.file(a.fetched[0].SourcePart)
	data, err := head(path)
	if err != nil {
		return "", err
	}
	if kind := find(compressions, data); kind != "" {
		a.meter.step("decompressing image", 0, 0)
		if err := a.decompress(ctx, kind, location, path, a.dir, a.unpacked(), a.meter); err != nil {
			return "", err
		}
		path = a.unpacked()
	}
	format, err := diskFormat(location, path)
	if err != nil {
		return "", err
	}
	return format, a.place(path, image.DiskFileOf(format))
}

// makeBootFile puts a kernel or initrd into the image.
func (a *assembly) makeBootFile(p fetchedPart) error {
	if err := checkBootFile(p.Location, a.file(p.SourcePart)); err != nil {
		return err
	}
	return a.place(a.file(p.SourcePart), map[string]string{image.PartKernel: image.KernelFile, image.PartInitrd: image.InitrdFile}[p.Kind])
}

// place moves a durable file into the image and makes it read-only: it never changes again.
func (a *assembly) place(path, name string) error {
	if err := os.Chmod(path, 0o400); err != nil {
		return fmt.Errorf("putting the image together: %w", err)
	}
	if err := atomicfile.Rename(path, a.out(name)); err != nil {
		return fmt.Errorf("putting the image together: %w", err)
	}
	return nil
}

// manifest describes the image; the format and size of its disk are filled in by assemble.
func (a *assembly) manifest() image.Manifest {
	m := image.Manifest{
		Name: a.source.ShortName(), Digest: a.identity(), Architecture: cmp.Or(a.source.Architecture, a.arch),
		Created: time.Now().UTC().Truncate(time.Second), Parts: map[string]image.Part{},
	}
	for _, p := range a.fetched {
		m.Parts[p.Kind] = image.NewPart(p.Location, p.digests)
	}
	return m
}

// identity is the digest of the image.
func (a *assembly) identity() string {
	var parts []image.PartDigest
	for _, p := range a.fetched {
		parts = append(parts, image.PartDigest{Kind: p.Kind, Digest: sha256Of(p.digests)})
	}
	return image.FetchedDigest(parts)
}

// sha256Of picks the sha256 of digests, which a digester always has.
func sha256Of(digests []string) string {
	i := slices.IndexFunc(digests, func(d string) bool { return strings.HasPrefix(d, "sha256:") })
	return digests[max(i, 0)]
}
