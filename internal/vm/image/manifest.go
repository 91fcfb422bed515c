// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files of an image.
const (
	diskFile     = "disk.qcow2"
	rawDiskFile  = "disk.raw"
	kernelFile   = "vmlinuz"
	initrdFile   = "initrd"
	manifestFile = "manifest.json"
)

// Manifest describes an image. It is the last file that is written of one.
type Manifest struct {
	Name string `json:"name"`
	// Digest is the image's identity: of the disk, the kernel, the initrd and the kernel's arguments of one that was built; of what
	// was transferred of one that was fetched.
	Digest       string    `json:"digest"`
	Architecture string    `json:"architecture"`
	Created      time.Time `json:"created"`
	// DiskSize is the virtual size of the disk in bytes; a machine's disk is never smaller.
	DiskSize int64 `json:"diskSize"`

	// Of an image that was built. Recipe is the Revision of its recipe.
	Recipe string `json:"recipe,omitempty"`
	Suite  string `json:"suite,omitempty"`
	Mirror string `json:"mirror,omitempty"`
	// KernelVersion is the kernel's release, as uname(1) shows it in the guest.
	KernelVersion string    `json:"kernelVersion,omitempty"`
	KernelArgs    string    `json:"kernelArgs,omitempty"`
	Packages      []Package `json:"packages,omitempty"`

	// Of an image that was fetched. Format is its disk's: FormatQCOW2 or FormatRaw.
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

// diskName is the disk's file.
func diskName(format string) string {
	if format == FormatRaw {
		return rawDiskFile
	}
	return diskFile
}

// files are the image's, the disk first.
func (m Manifest) files() []string {
	files := []string{diskName(m.format())}
	for _, file := range []struct{ kind, name string }{{partKernel, kernelFile}, {partInitrd, initrdFile}} {
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

// readPackages reads lines of "NAME VERSION" and sorts them.
func readPackages(files ...string) ([]Package, error) {
	var packages []Package
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		for line := range strings.Lines(string(data)) {
			name, version, ok := strings.Cut(strings.TrimSpace(line), " ")
			if !ok {
				return nil, fmt.Errorf("reading %s: unexpected line %q", file, line)
			}
			packages = append(packages, Package{Name: name, Version: version})
		}
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
	return packages, nil
}

// digest computes an image's identity from its files in dir and the kernel's arguments.
func digest(dir, kernelArgs string) (string, error) {
	whole := sha256.New()
	for _, name := range []string{diskFile, kernelFile, initrdFile} {
		sum, err := fileSum(filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("computing the image's digest: %w", err)
		}
		fmt.Fprintf(whole, "%s  %s\n", sum, name)
	}
	fmt.Fprintln(whole, kernelArgs)
	return "sha256:" + hex.EncodeToString(whole.Sum(nil)), nil
}

func fileSum(path string) (_ string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
