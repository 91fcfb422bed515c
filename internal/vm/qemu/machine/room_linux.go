// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Room returns the bytes that this process, and a QEMU that it starts, can still write to the file
// system of path. A quota is not taken into account.
func Room(path string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, fmt.Errorf("looking for free space at %s: %w", path, err)
	}
	blocks := stat.Bavail
	if os.Geteuid() == 0 {
		// What is reserved is root's, but for what ext4 keeps to itself (fs/ext4/super.c,
		// ext4_calculate_resv_clusters).
		blocks = max(blocks, stat.Bfree-min(stat.Bfree, stat.Blocks/50, 4096))
	}
	return int64(blocks) * stat.Bsize, nil
}
