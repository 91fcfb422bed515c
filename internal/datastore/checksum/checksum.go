// SPDX-License-Identifier: Apache-2.0

// Package checksum guards the values of the store. SQLite notices a page whose structure is broken,
// not one whose content has changed. A value with a checksum over itself and its key is known to be
// what was written, and written under that key.
//
// It is no protection against somebody who can write to the store: who changes a value can change
// its checksum.
package checksum

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// prefix of values with a checksum. Values of the API server without one begin with "k8s\x00" or
// "{".
var prefix = []byte("rdd:sum1:")

// size of a checksum in bytes: the first half of a SHA-256, which is in the standard library and as
// fast as the processor's instructions for it.
const size = sha256.Size / 2

// ErrMismatch says that a value is not what was written under its key.
var ErrMismatch = errors.New("the checksum of the value does not match: it has been changed or cut off")

// Add returns the value as it is stored.
func Add(key string, value []byte) []byte {
	stored := make([]byte, 0, len(prefix)+size+len(value))
	stored = append(stored, prefix...)
	sum := of(key, value)
	stored = append(stored, sum[:size]...)
	return append(stored, value...)
}

// Remove returns the value that is stored under key, and whether it had a checksum. It returns
// ErrMismatch when that is wrong. A value without a checksum is returned as it is.
func Remove(key string, stored []byte) (value []byte, summed bool, err error) {
	rest, summed := bytes.CutPrefix(stored, prefix)
	if !summed {
		return stored, false, nil
	}
	if len(rest) < size {
		return nil, true, ErrMismatch
	}
	value = rest[size:]
	if sum := of(key, value); !bytes.Equal(sum[:size], rest[:size]) {
		return nil, true, ErrMismatch
	}
	return value, true, nil
}

// of a key and a value. The key's length goes first, so that no byte can move from one to the
// other.
func of(key string, value []byte) (sum [sha256.Size]byte) {
	hash := sha256.New()
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(key)))
	for _, part := range [][]byte{length[:], []byte(key), value} {
		hash.Write(part) // never returns an error
	}
	hash.Sum(sum[:0])
	return sum
}
