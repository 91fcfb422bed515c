// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
)

// renameNew checks first whether newPath exists. An empty directory that appears between the check
// and the rename could be replaced; one with anything in it cannot.
func renameNew(oldPath, newPath string) error {
	if _, err := os.Lstat(newPath); err == nil {
		return &os.LinkError{Op: "rename", Old: oldPath, New: newPath, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(oldPath, newPath)
}

// exchange is for Linux.
func exchange(first, second string) error {
	return &os.LinkError{Op: "exchange", Old: first, New: second, Err: errors.ErrUnsupported}
}
