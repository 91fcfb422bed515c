// SPDX-License-Identifier: Apache-2.0

package image

import "golang.org/x/sys/unix"

// FreeSpace returns the bytes that an ordinary user may still write below dir.
func FreeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}
