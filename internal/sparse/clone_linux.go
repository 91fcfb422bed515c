// SPDX-License-Identifier: Apache-2.0

package sparse

import (
	"os"

	"golang.org/x/sys/unix"
)

// Clone makes to share the data of from (ioctl_ficlone(2)). It fails where the file system does not
// support that.
func Clone(to, from *os.File) error {
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
}
