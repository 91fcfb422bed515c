// SPDX-License-Identifier: Apache-2.0

package hostagent

import "rancherdesktop.io/rdd/internal/sshx"

const (
	// ownPath is where the programs of a guest's distribution are.
	ownPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	envTool = "/usr/bin/env"
)

// own makes a shell line of rdd's independent of the session it runs in, which has the template's
// variables: the guest's shell replaces itself by one that has none of them.
func own(line string) string { return "exec " + sshx.Quote(envTool, "-i", ownPath, "/bin/sh", "-c", line) }

// probeLine is a shell line that runs its standard input as a program with variables, given as
// "NAME=VALUE". It assigns none itself, as the session may have exported one of the same name.
func probeLine(variables []string) string {
	const tool = ownPath + " "
	script := "set -- \"$(" + tool + "mktemp /tmp/rdd-probe.XXXXXX)\" && " + tool + "cat >\"$1\" && " + tool + "chmod 0700 \"$1\" && " +
		sshx.Quote(append([]string{envTool}, variables...)...) + " \"$1\" </dev/null; set -- \"$1\" $?; " + tool + "rm -f \"$1\"; exit \"$2\""
	return "exec " + sshx.Quote("/bin/sh", "-c", script)
}
