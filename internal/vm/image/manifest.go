// SPDX-License-Identifier: Apache-2.0

package image

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Files of an image.
const (
	DiskFile     = "disk.qcow2"
	KernelFile   = "vmlinuz"
	InitrdFile   = "initrd"
	rawDiskFile  = "disk.raw"
	manifestFile = "manifest.json"
)

// OutDir is where a Builder or a Fetcher leaves the image's files: a directory below the one that
// it works in.
const OutDir = "out"

// Manifest describes an image. It is written last: a directory without it is no image.
type Manifest struct {
	Name string `json:"name"`
	// Digest is the image's identity. That of a built image is computed from the disk, the kernel, the
	// initrd and the kernel's arguments, that of a fetched one from what was transferred.
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

// Write writes the manifest of the image in dir, durable.
func (m Manifest) Write(dir string) error { return writeJSON(filepath.Join(dir, manifestFile), m) }

// readManifest reads the manifest of the image in dir.
func readManifest(dir string) (Manifest, error) {
	var m Manifest
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return m, fmt.Errorf("reading an image's manifest: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("reading %s: %w", filepath.Join(dir, manifestFile), err)
	}
	if m.Name == "" || m.Digest == "" {
		return m, fmt.Errorf("reading %s: name or digest is missing", filepath.Join(dir, manifestFile))
	}
	return m, nil
}
