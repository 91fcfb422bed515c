// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"syscall"
	"testing"
)

// storedSize is what a file takes on the disk, in bytes.
func storedSize(t *testing.T, path string) int64 {
	t.Helper()
	var stat syscall.Stat_t
	if err := syscall.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Blocks * 512 // st_blocks counts these (stat(2))
}
