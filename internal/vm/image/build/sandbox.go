// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"io"
	"os"

	"rancherdesktop.io/rdd/internal/process"
)

// sandbox runs programs as root of namespaces of their own. Whatever they start and mount ends with
// the first of them, and when this process dies. The kernel kills a PID namespace with its first
// process, and drops a mount namespace with its last.
//
// An ordinary user gets a user namespace as well. Its root is the user, its other users are the
// user's subordinate ids. The mapping is the same in every sandbox, so one can read and remove what
// another has made.
type sandbox struct {
	unshare string
	args    []string
}

// searchPath of programs in the sandbox: an ordinary user's PATH lacks sbin.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func newSandbox() (sandbox, error) {
	unshare, err := process.LookPath("unshare")
	if err != nil {
		return sandbox{}, err
	}
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if os.Geteuid() != 0 {
		args = append([]string{"--user", "--map-root-user", "--map-auto"}, args...)
	}
	return sandbox{unshare: unshare, args: args}, nil
}

// run runs a program in the sandbox and writes its output to w. It has this process's environment,
// for proxies and the like, with fixed values where they would change the result.
func (s sandbox) run(ctx context.Context, dir string, w io.Writer, program string, args ...string) error {
	fixed := []string{
		"sh", "-c", `umask 022; exec "$@"`, "sandbox",
		"env", "LC_ALL=C", "PATH=" + searchPath, "TMPDIR=" + dir, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", sourceDateEpoch),
		program,
	}
	all := append(append(append([]string{}, s.args...), fixed...), args...)
	return process.Run(ctx, process.Command{Path: s.unshare, Args: all, Dir: dir, Stdout: w, Stderr: w})
}
