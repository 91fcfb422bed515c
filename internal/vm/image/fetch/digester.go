// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// digester computes digests of the beginning of a file while the file grows.
type digester struct {
	sums map[string]hash.Hash
	size int64
}

// newDigester computes sha256, which identifies files in the cache, and the algorithm of the wanted
// digest.
func newDigester(want string) *digester {
	d := &digester{sums: map[string]hash.Hash{"sha256": sha256.New()}}
	if algorithm, sum, ok := image.NewHash(want); ok {
		d.sums[algorithm] = sum
	}
	return d
}

// Write implements io.Writer; it never fails.
func (d *digester) Write(p []byte) (int, error) {
	for _, sum := range d.sums {
		sum.Write(p)
	}
	d.size += int64(len(p))
	return len(p), nil
}

// seek makes the digests those of the first size bytes of r. It reads only what it has not computed
// yet.
func (d *digester) seek(r io.ReaderAt, size int64) error {
	if d.size > size {
		for _, sum := range d.sums {
			sum.Reset()
		}
		d.size = 0
	}
	if _, err := io.Copy(d, io.NewSectionReader(r, d.size, size-d.size)); err != nil {
		return fmt.Errorf("reading what has been downloaded: %w", err)
	}
	return nil
}

// digests returns all as ALGORITHM:HEX, sorted.
func (d *digester) digests() []string {
	var all []string
	for algorithm, sum := range d.sums {
		all = append(all, algorithm+":"+hex.EncodeToString(sum.Sum(nil)))
	}
	slices.Sort(all)
	return all
}

// check compares with the wanted digest of location: *image.DigestError.
func (d *digester) check(location, want string) error {
	all := d.digests()
	if want == "" || slices.Contains(all, strings.ToLower(want)) {
		return nil
	}
	algorithm, _, _ := strings.Cut(want, ":")
	for _, got := range all {
		if strings.HasPrefix(got, algorithm+":") {
			return &image.DigestError{Location: location, Want: want, Got: got}
		}
	}
	return image.CheckDigest(want)
}
