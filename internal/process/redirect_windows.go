// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
)

// Redirect is not possible: Windows does not move a file that is written to out of the way.
func Redirect(stream, file *os.File) error { return errors.ErrUnsupported }
