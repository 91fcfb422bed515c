// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"rancherdesktop.io/rdd/internal/regular"
)

// BuiltDigest returns the identity of an image that was built: of its disk, kernel and initrd,
// whose digests are given, and of the arguments of the kernel.
func BuiltDigest(disk, kernel, initrd, kernelArgs string) string {
	whole := sha256.New()
	for _, file := range []struct{ digest, name string }{{disk, DiskFile}, {kernel, KernelFile}, {initrd, InitrdFile}} {
		fmt.Fprintf(whole, "%s  %s\n", file.digest[len(sha256Prefix):], file.name)
	}
	fmt.Fprintln(whole, kernelArgs)
	return sha256Prefix + hex.EncodeToString(whole.Sum(nil))
}

// PartDigest is the digest of a part of an image as it was transferred.
type PartDigest struct{ Kind, Digest string }

// FetchedDigest returns the identity of an image that was fetched: the digest of the disk, or, when
// there are more parts, that of the list of all their digests.
func FetchedDigest(parts []PartDigest) string {
	if len(parts) == 1 {
		return parts[0].Digest
	}
	whole := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(whole, "%s  %s\n", p.Digest, p.Kind)
	}
	return sha256Prefix + hex.EncodeToString(whole.Sum(nil))
}

const sha256Prefix = "sha256:"

// FileDigest returns the sha256 of a file, as sha256:HEX.
func FileDigest(ctx context.Context, path string) (_ string, err error) {
	f, _, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, Interruptible(ctx, f)); err != nil {
		return "", err
	}
	return sha256Prefix + hex.EncodeToString(sum.Sum(nil)), nil
}
