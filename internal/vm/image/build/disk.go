// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// makeTree installs the packages and the guest's own files into dir/tree.
func (j *job) makeTree(ctx context.Context) error {
	j.report.at(stepDownload, 0, 0)
	args := append([]string{"RDD_KIT=" + j.path("kit"), "RDD_KERNEL=" + j.recipe.Kernel, "mmdebstrap"}, j.recipe.treeOptions()...)
	args = append(append(args, j.recipe.Suite, j.path("tree")), j.mirror.sources(j.recipe.Suite)...)
	output := io.MultiWriter(j.log, &packageMeter{report: j.report})
	return j.runSandboxed(ctx, "installing Debian packages", output, "env", args...)
}

// treeOptions are mmdebstrap's options for the recipe's tree; RDD_KIT and RDD_KERNEL are in its
// environment.
func (r Recipe) treeOptions() []string {
	return []string{
		"--verbose", "--mode=unshare", "--format=directory", "--variant=minbase",
		"--architectures=" + r.Architecture, "--keyring=" + keyring,
		"--include=" + strings.Join(r.Packages, ","),
		`--aptopt=APT::Install-Recommends "false"`,
		`--aptopt=Acquire::Retries "3"`,
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		`--customize-hook=sh "$RDD_KIT/customize.sh" "$1" "$RDD_KIT" "$RDD_KERNEL"`,
	}
}

// fileSystemSlack is the space left free in the image's file system in bytes: enough
// to boot; a machine grows it to the size of its disk.
const fileSystemSlack = 256 << 20

// makeFileSystem writes the tree as an ext4 file system into dir/disk.raw. It mounts nothing, and
// the same tree gives the same file.
func (j *job) makeFileSystem(ctx context.Context) error {
	j.report.at(stepFileSystem, 0, 0)
	size, err := j.treeSize(ctx)
	if err != nil {
		return err
	}
	return j.runSandboxed(ctx, "writing the file system", j.log, "sh", j.path("kit", "makefs.sh"),
		j.path("tree"), j.path("disk.raw"), j.recipe.fileSystemID(), strconv.FormatInt(size/1024, 10))
}

// treeSize is the size of the file system in bytes: the tree's files, a margin for ext4's own data,
// and the slack. It does not depend on the file system that holds the tree.
func (j *job) treeSize(ctx context.Context) (int64, error) {
	var output bytes.Buffer
	if err := j.runSandboxed(ctx, "measuring the tree", &output, "find", j.path("tree"), "-type", "f", "-printf", "%s\\n"); err != nil {
		return 0, err
	}
	const block, mebibyte = 4 << 10, 1 << 20
	var used int64
	for _, field := range strings.Fields(output.String()) {
		size, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("measuring the tree: %w", err)
		}
		used += (size + block - 1) / block * block
	}
	return (used+used/8+fileSystemSlack)/mebibyte*mebibyte + mebibyte, nil
}

// fileSystemID is a UUID that follows from the recipe, so that builds are equal.
func (r Recipe) fileSystemID() string {
	sum := sha256.Sum256([]byte("rdd " + r.Name + " " + r.Suite))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // version 8, the custom one (RFC 9562)
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// convert turns the raw disk into qcow2.
func (j *job) convert(ctx context.Context) error {
	j.report.at(stepConvert, 0, 0)
	return j.runSandboxed(ctx, "converting the disk", j.log,
		"qemu-img", "convert", "-f", "raw", "-O", "qcow2", j.path("disk.raw"), j.out(image.DiskFile))
}
