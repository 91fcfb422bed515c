// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package fetch

import (
	"errors"
	"os"
)

// clone is for Linux.
func clone(_, _ *os.File) error { return errors.ErrUnsupported }
