// SPDX-License-Identifier: Apache-2.0

package room

import (
	"errors"

	"golang.org/x/sys/windows"
)

// freeSpace returns the bytes that the user may still write below dir.
func freeSpace(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(free), nil
}

// freeFiles returns -1: there is no fixed number of files.
func freeFiles(string) (int64, error) { return -1, nil }

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
