// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package sparse

import (
	"errors"
	"os"
)

// Clone is for Linux: errors.ErrUnsupported.
func Clone(_, _ *os.File) error { return errors.ErrUnsupported }
