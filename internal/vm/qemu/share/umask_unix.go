// SPDX-License-Identifier: Apache-2.0

//go:build unix

package share

import "syscall"

// clearUmask has files be made with the mode that is asked for.
func clearUmask() { syscall.Umask(0) }
