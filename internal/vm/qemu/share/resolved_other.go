// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package share

import "os"

// openResolved opens a directory. This system cannot check that no symbolic link leads there.
func openResolved(path string) (*os.File, error) { return os.Open(path) }

func descriptorPath(f *os.File) string { return f.Name() }
