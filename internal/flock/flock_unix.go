// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package flock

import "golang.org/x/sys/unix"

// closeOnExec keeps children from inheriting a descriptor.
func closeOnExec(fd uintptr) error {
	_, err := unix.FcntlInt(fd, unix.F_SETFD, unix.FD_CLOEXEC)
	return err
}
