// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package hostconfig

import (
	"io/fs"
	"syscall"
)

// names is how many names a file has.
func names(info fs.FileInfo) int { return int(info.Sys().(*syscall.Stat_t).Nlink) }
