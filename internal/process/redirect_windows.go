// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"os"
)

// Redirect returns errors.ErrUnsupported: Windows does not rename a file that is open for writing,
// which is what logs are redirected for.
func Redirect(stream, file *os.File) error { return errors.ErrUnsupported }
