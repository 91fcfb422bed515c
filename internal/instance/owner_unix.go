// SPDX-License-Identifier: Apache-2.0

//go:build unix

package instance

import (
	"io/fs"
	"syscall"
)

// owner is the uid of a file's owner.
func owner(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Uid) }
