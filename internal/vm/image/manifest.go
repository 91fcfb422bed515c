// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
)

// Files of an image.
const (
	DiskFile     = "disk.qcow2"
	KernelFile   = "vmlinuz"
	InitrdFile   = "initrd"
	rawDiskFile  = "disk.raw"
	manifestFile = "manifest.json"
	// manifestCopy is a second copy of the manifest.
	manifestCopy = "manifest.copy.json"
)

// OutDir is where a Builder or a Fetcher leaves the image's files: a directory below the one that
// it works in.
const OutDir = "out"

// Manifest describes an image. It is written last: a directory without it is no image.
type Manifest struct {
	Name string `json:"name"`
	// Digest is the image's identity. That of a built image is computed from the disk, the kernel,
	// the initrd and the kernel's arguments, that of a fetched one from what was transferred.
	Digest       string    `json:"digest"`
	Architecture string    `json:"architecture"`
	Created      time.Time `json:"created"`
	// DiskSize is the virtual size of the disk in bytes. A machine's disk is never smaller.
	DiskSize int64 `json:"diskSize"`

	// The following are those of an image that was built. Recipe is the revision of its recipe.
	Recipe string `json:"recipe,omitempty"`
	Suite  string `json:"suite,omitempty"`
	Mirror string `json:"mirror,omitempty"`
	// KernelVersion is the kernel's release, as uname(1) shows it in the guest.
	KernelVersion string    `json:"kernelVersion,omitempty"`
	KernelArgs    string    `json:"kernelArgs,omitempty"`
	Packages      []Package `json:"packages,omitempty"`

	// The following are those of an image that was fetched. Format is its disk's: FormatQCOW2 or
	// FormatRaw.
	Format string `json:"format,omitempty"`
	// Parts are what it was made of: "image", "kernel", "initrd".
	Parts map[string]Part `json:"parts,omitempty"`
}

// fetched tells an image that was downloaded or copied from one that rdd built.
func (m Manifest) fetched() bool { return m.Parts != nil }

// format of the disk.
func (m Manifest) format() string {
	if m.Format == "" {
		return FormatQCOW2
	}
	return m.Format
}

// DiskFileOf returns the name of the file that holds a disk of a format.
func DiskFileOf(format string) string {
	if format == FormatRaw {
		return rawDiskFile
	}
	return DiskFile
}

// files are the image's, the disk first.
func (m Manifest) files() []string {
	files := []string{DiskFileOf(m.format())}
	for _, file := range []struct{ kind, name string }{{PartKernel, KernelFile}, {PartInitrd, InitrdFile}} {
		if _, ok := m.Parts[file.kind]; ok || !m.fetched() {
			files = append(files, file.name)
		}
	}
	return files
}

// Package is a Debian package in an image.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Write writes the manifest of the image in dir twice, durable: a second copy is read when the
// first is damaged. What is no regular file in its place is set apart.
func (m Manifest) Write(dir string) error {
	for _, name := range []string{manifestCopy, manifestFile} {
		path := filepath.Join(dir, name)
		if err := setApart(path); err != nil {
			return err
		}
		if err := writeJSON(path, m); err != nil {
			return err
		}
	}
	return nil
}

// damagedSuffix of a file that was no regular one, and had to make way.
const damagedSuffix = ".damaged"

// setApart renames what is no regular file, so that a file can be written in its place.
func setApart(path string) error {
	if _, err := regular.Stat(path); !errors.As(err, new(*regular.NotRegularError)) {
		return nil // one that is missing, too
	}
	if err := atomicfile.RemoveAll(path + damagedSuffix); err != nil {
		return fmt.Errorf("making room for %s: %w", path, err)
	}
	if err := atomicfile.Rename(path, path+damagedSuffix); err != nil {
		return fmt.Errorf("making room for %s: %w", path, err)
	}
	return nil
}

// readManifest reads the manifest of the image in dir, or its copy where it is damaged. The error
// is that of the manifest. fs.ErrNotExist: there is neither.
func readManifest(dir string) (Manifest, error) {
	m, err := decodeManifest(filepath.Join(dir, manifestFile))
	if err == nil {
		return m, nil
	}
	second, copyErr := decodeManifest(filepath.Join(dir, manifestCopy))
	if copyErr == nil {
		return second, nil
	}
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(copyErr, fs.ErrNotExist) {
		err = copyErr
	}
	return Manifest{}, err
}

// isIntact reports whether both copies of a manifest can be read.
func isIntact(dir string) bool {
	for _, name := range []string{manifestFile, manifestCopy} {
		if _, err := decodeManifest(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

func decodeManifest(path string) (Manifest, error) {
	var m Manifest
	data, err := regular.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("reading an image's manifest: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("reading %s: %w", path, err)
	}
	if m.Name == "" || m.Digest == "" {
		return m, fmt.Errorf("reading %s: name or digest is missing", path)
	}
	for kind, p := range m.Parts {
		// Older rdd have stored the queries of URLs.
		m.Parts[kind] = Part{Location: vm.Redacted(p.Location), Key: p.key(), Digests: p.Digests}
	}
	return m, nil
}
