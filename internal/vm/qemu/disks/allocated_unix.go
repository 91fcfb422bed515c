// SPDX-License-Identifier: Apache-2.0

//go:build unix

package disks

import (
	"os"
	"syscall"
)

// allocated is what a sparse file takes, in bytes.
func allocated(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512, nil
	}
	return info.Size(), nil
}
