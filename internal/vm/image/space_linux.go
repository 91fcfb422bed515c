// SPDX-License-Identifier: Apache-2.0

package image

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// FreeSpace returns the bytes that an ordinary user may still write below dir.
func FreeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// stored returns the space that a file takes, in bytes, and whether it has other names too.
func stored(info fs.FileInfo) (bytes int64, linked bool) {
	const unit = 512 // of st_blocks: stat(2)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * unit, stat.Nlink > 1
	}
	return info.Size(), false
}
