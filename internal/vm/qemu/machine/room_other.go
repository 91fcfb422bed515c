// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package machine

import "errors"

// Room is not supported on this platform yet.
func Room(string) (int64, error) { return 0, errors.ErrUnsupported }
