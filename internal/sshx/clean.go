// SPDX-License-Identifier: Apache-2.0

package sshx

// CleanPath is the PATH of Clean: where the programs of a guest's distribution are.
const CleanPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Clean is a shell line that runs another one in an environment of its own: with PATH, and none of
// the variables that guests set for every session. The user's shell replaces itself.
func Clean(line string) string {
	return "exec " + Quote("/usr/bin/env", "-i", "PATH="+CleanPath, "/bin/sh", "-c", line)
}
