// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"bufio"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// freeSpace of the file system of dir, in bytes, for an ordinary user.
func freeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("looking for free space in %s: %w", dir, err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// availableMemory in bytes: what can be used without swapping (proc(5), MemAvailable).
func availableMemory() (int64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("reading the host's memory: %w", err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("reading the host's memory: /proc/meminfo has no MemAvailable")
}
