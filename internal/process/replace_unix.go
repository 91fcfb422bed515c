// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process

import (
	"errors"
	"syscall"
)

// Replace makes this process the program: its signals, terminal and exit code are the program's
// from then on. It returns on failure only. (Where a process cannot do that, the program is run to
// its end and its exit code returned.)
func Replace(path string, argv, env []string) (int, error) {
	for {
		// The runtime's own signals may interrupt execve on some file systems.
		if err := syscall.Exec(path, argv, env); !errors.Is(err, syscall.EINTR) {
			return 0, err
		}
	}
}
