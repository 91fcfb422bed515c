// SPDX-License-Identifier: Apache-2.0

//go:build unix

package logfile

import (
	"io/fs"
	"syscall"
)

// blockSize is the unit of st_blocks (stat(2)).
const blockSize = 512

// onDisk returns how many bytes a file takes, at most its size. A process that has not opened it
// for appending writes on at its old offset after a truncation, and leaves a hole before it.
func onDisk(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(info.Size(), stat.Blocks*blockSize)
	}
	return info.Size()
}
