// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// writeManifest describes the image once all its files are there.
func (j *job) writeManifest(ctx context.Context) error {
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
	sum, err := digest(ctx, j.path(image.OutDir), j.recipe.KernelArgs)
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
func digest(ctx context.Context, dir, kernelArgs string) (string, error) {
	var sums []string
	for _, name := range []string{image.DiskFile, image.KernelFile, image.InitrdFile} {
		sum, err := image.FileDigest(ctx, filepath.Join(dir, name))
		if err != nil {
			return "", fmt.Errorf("computing the image's digest: %w", err)
		}
		sums = append(sums, sum)
	}
	return image.BuiltDigest(sums[0], sums[1], sums[2], kernelArgs), nil
}
