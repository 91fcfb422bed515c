// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// renameNew renames without replacing anything; the kernel checks and renames in one step.
func renameNew(oldPath, newPath string) error {
	err := unix.Renameat2(unix.AT_FDCWD, oldPath, unix.AT_FDCWD, newPath, unix.RENAME_NOREPLACE)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldPath, New: newPath, Err: err}
	}
	return nil
}

// exchange swaps two entries in one step.
func exchange(first, second string) error {
	err := unix.Renameat2(unix.AT_FDCWD, first, unix.AT_FDCWD, second, unix.RENAME_EXCHANGE)
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: first, New: second, Err: err}
	}
	return nil
}
