// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process

import (
	"errors"
	"syscall"
)

// Replace executes the program in place of this process (execve(2)): its signals, terminal and exit
// code are the program's from then on. It returns on failure only. On Windows, which has no such
// call, the program is run to its end and its exit code returned.
func Replace(path string, argv, env []string) (int, error) {
	for {
		// The runtime's own signals may interrupt execve on some file systems.
		if err := syscall.Exec(path, argv, env); !errors.Is(err, syscall.EINTR) {
			return 0, err
		}
	}
}
