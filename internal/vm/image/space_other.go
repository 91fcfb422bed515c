// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package image

import "errors"

func freeSpace(string) (int64, error) {
	return 0, errors.New("not supported on this platform yet")
}
