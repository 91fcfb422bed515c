// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package image

import (
	"errors"
	"io/fs"
)

// FreeSpace returns the bytes that an ordinary user may still write below a directory.
func FreeSpace(string) (int64, error) {
	return 0, errors.New("not supported on this platform yet")
}

// stored returns the size of a file in bytes. Other names of it are not known.
func stored(info fs.FileInfo) (bytes int64, linked bool) { return info.Size(), false }
