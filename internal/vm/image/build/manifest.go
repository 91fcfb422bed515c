// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// writeManifest describes the image once all its files are there.
func (j *job) writeManifest(context.Context) error {
	revision, err := j.recipe.Revision()
	if err != nil {
		return err
	}
	version, err := j.kernelVersion()
	if err != nil {
		return err
	}
	packages, err := readPackages(j.path("kit", "installed"), j.path("kit", "fetched"))
	if err != nil {
		return err
	}
	disk, err := os.Stat(j.path("disk.raw"))
	if err != nil {
		return fmt.Errorf("measuring the disk: %w", err)
	}
	sum, err := digest(j.path(image.OutDir), j.recipe.KernelArgs)
	if err != nil {
		return err
	}
	return image.Manifest{
		Name: j.recipe.Name, Digest: sum, Recipe: revision, Suite: j.recipe.Suite, Architecture: j.recipe.Architecture,
		Created: time.Now().UTC().Truncate(time.Second), Mirror: vm.Redacted(j.mirror.archive), KernelVersion: version,
		KernelArgs: j.recipe.KernelArgs, DiskSize: disk.Size(), Packages: packages,
	}.Write(j.path(image.OutDir))
}

// readPackages reads lines of "NAME VERSION" and sorts them.
func readPackages(files ...string) ([]image.Package, error) {
	var packages []image.Package
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
			packages = append(packages, image.Package{Name: name, Version: version})
		}
	}
	slices.SortFunc(packages, func(a, b image.Package) int { return strings.Compare(a.Name, b.Name) })
	return packages, nil
}

// digest computes an image's identity from its files in dir and the kernel's arguments.
func digest(dir, kernelArgs string) (string, error) {
	whole := sha256.New()
	for _, name := range []string{image.DiskFile, image.KernelFile, image.InitrdFile} {
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
