// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Redirect makes this process's standard stream, os.Stdout or os.Stderr, go to the open file from
// now on. That includes what the Go runtime writes when the process crashes.
func Redirect(stream, file *os.File) error {
	if err := unix.Dup3(int(file.Fd()), int(stream.Fd()), 0); err != nil {
		return fmt.Errorf("redirecting %s: %w", stream.Name(), err)
	}
	return nil
}
