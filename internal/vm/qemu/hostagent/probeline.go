// SPDX-License-Identifier: Apache-2.0

package hostagent

import "rancherdesktop.io/rdd/internal/sshx"

// probeLine is a shell line that runs its standard input as a program with variables, given as
// "NAME=VALUE". It assigns none itself, as the session may have exported one of the same name.
func probeLine(variables []string) string {
	const tool = "PATH=" + sshx.CleanPath + " "
	script := "set -- \"$(" + tool + "mktemp /tmp/rdd-probe.XXXXXX)\" && " + tool + "cat >\"$1\" && " + tool + "chmod 0700 \"$1\" && " +
		sshx.Quote(append([]string{"/usr/bin/env"}, variables...)...) + " \"$1\" </dev/null; " +
		"set -- \"$1\" $?; " + tool + "rm -f \"$1\"; exit \"$2\""
	return "exec " + sshx.Quote("/bin/sh", "-c", script)
}
