// SPDX-License-Identifier: Apache-2.0

//go:build linux

package filecalls

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// older calls, which this architecture does not have.
var older = struct{ open, creat, rename, mkdir, link, symlink, unlink, rmdir int }{-1, -2, -3, -4, -5, -6, -7, -8}
