// SPDX-License-Identifier: Apache-2.0

//go:build linux || darwin

package room

import (
	"errors"

	"golang.org/x/sys/unix"
)

// freeSpace returns the bytes that an ordinary user may still write below dir.
func freeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil
}

// freeFiles returns how many files can still be made on the file system of dir; -1 where it has no
// fixed number of them.
func freeFiles(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	if stat.Files == 0 {
		return -1, nil
	}
	return int64(stat.Ffree), nil
}

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
