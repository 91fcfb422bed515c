// SPDX-License-Identifier: Apache-2.0

package template

import "golang.org/x/sys/unix"

func hostMemory() (int64, error) {
	size, err := unix.SysctlUint64("hw.memsize")
	return int64(size), err
}
