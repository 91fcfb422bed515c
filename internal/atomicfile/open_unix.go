// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package atomicfile

import "syscall"

// nonblocking keeps the opening of a FIFO from waiting for its other end. It changes nothing for a
// regular file.
const nonblocking = syscall.O_NONBLOCK
