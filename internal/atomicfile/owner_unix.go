// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package atomicfile

import (
	"io/fs"
	"os"
	"syscall"
)

// links is how many names a file has.
func links(_ string, info fs.FileInfo) (uint64, error) {
	return uint64(info.Sys().(*syscall.Stat_t).Nlink), nil //nolint:unconvert // its type differs between systems
}

// copyOwner gives a file the owner and the group of another one.
func copyOwner(f *os.File, info fs.FileInfo) error {
	want := info.Sys().(*syscall.Stat_t)
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if has := now.Sys().(*syscall.Stat_t); has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	return f.Chown(int(want.Uid), int(want.Gid))
}
