// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package image

import "errors"

// FreeSpace returns the bytes that an ordinary user may still write below a directory.
func FreeSpace(string) (int64, error) {
	return 0, errors.New("not supported on this platform yet")
}
