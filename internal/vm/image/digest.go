// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// hashes are the algorithms of the digests that templates may use.
var hashes = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}

// NewHash returns a new hash of the algorithm of a digest, which is ALGORITHM:HEX. ok is false when
// templates may not use that algorithm.
func NewHash(digest string) (algorithm string, _ hash.Hash, ok bool) {
	algorithm, _, _ = strings.Cut(digest, ":")
	create, ok := hashes[algorithm]
	if !ok {
		return algorithm, nil, false
	}
	return algorithm, create(), true
}

// CheckDigest returns an error when a digest is not ALGORITHM:HEX.
func CheckDigest(digest string) error {
	algorithm, hash, ok := NewHash(digest)
	if !ok {
		return fmt.Errorf("digest %q: want sha256:… or sha512:…", digest)
	}
	sum := strings.TrimPrefix(digest, algorithm+":")
	if decoded, err := hex.DecodeString(sum); err != nil || len(decoded) != hash.Size() {
		return fmt.Errorf("digest %q: want %d hexadecimal digits after %s:", digest, 2*hash.Size(), algorithm)
	}
	return nil
}
