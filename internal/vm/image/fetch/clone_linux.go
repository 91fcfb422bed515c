// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"os"

	"golang.org/x/sys/unix"
)

// clone makes to share from's data (ioctl_ficlone(2)); it fails where the file system cannot.
func clone(to, from *os.File) error {
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
}
