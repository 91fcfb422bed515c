// SPDX-License-Identifier: Apache-2.0

//go:build !windows

package atomicfile

import "os"

func syncHandle(d *os.File) error { return d.Sync() }
