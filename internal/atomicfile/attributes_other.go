// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package atomicfile

import "os"

// copyAttributes does nothing: this system's files have no extended attributes that rdd knows.
func copyAttributes(*os.File, string) error { return nil }
