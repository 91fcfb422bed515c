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
	kernelFile   = "vmlinuz"
	initrdFile   = "initrd"
	manifestFile = "manifest.json"
)

// Manifest describes an image. It is the last file that a build writes.
type Manifest struct {
	Name string `json:"name"`
	// Digest of the disk, the kernel, the initrd and the kernel's arguments: the image's identity.
	Digest string `json:"digest"`
	// Recipe is the Revision of the recipe that the image was built from.
	Recipe       string    `json:"recipe"`
	Suite        string    `json:"suite"`
	Architecture string    `json:"architecture"`
	Created      time.Time `json:"created"`
	Mirror       string    `json:"mirror"`
	// KernelVersion is the kernel's release, as uname(1) shows it in the guest.
	KernelVersion string `json:"kernelVersion"`
	KernelArgs    string `json:"kernelArgs"`
	// DiskSize is the virtual size of the disk in bytes; a machine's disk is never smaller.
	DiskSize int64     `json:"diskSize"`
	Packages []Package `json:"packages"`
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
