// SPDX-License-Identifier: Apache-2.0

package process

import (
	"context"
	"os"
)

// Replace runs the program to its end with this process's standard streams and returns its exit
// code.
func Replace(path string, argv, env []string) (int, error) {
	cmd := Command{Path: path, Args: argv[1:], Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}.build(context.Background())
	err := cmd.Run()
	if code, ok := ExitCode(err); ok {
		return code, nil
	}
	return 0, err
}
