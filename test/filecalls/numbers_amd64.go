// SPDX-License-Identifier: Apache-2.0

//go:build linux

package filecalls

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// older calls, which work on paths from the current directory.
var older = struct{ open, creat, rename, mkdir, link, symlink, unlink, rmdir int }{
	unix.SYS_OPEN, unix.SYS_CREAT, unix.SYS_RENAME, unix.SYS_MKDIR, unix.SYS_LINK, unix.SYS_SYMLINK, unix.SYS_UNLINK, unix.SYS_RMDIR,
}
