// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package regular

import "syscall"

// nonBlocking has no effect on regular files.
const nonBlocking = syscall.O_NONBLOCK
