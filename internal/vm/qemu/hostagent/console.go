// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"
	"strings"

	"rancherdesktop.io/rdd/internal/logfile"
	"rancherdesktop.io/rdd/internal/textfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

const (
	// lastLines is how many lines of a log an error contains.
	lastLines = 8
	// tailBytes is how many bytes at the end of a log are read for them.
	tailBytes = 16 << 10
)

// logTails returns the last lines of QEMU's log and of the guest's console, for errors.
func (a *agent) logTails() string {
	return fmt.Sprintf("QEMU's last words: %s; the console's: %s", tail(a.Dir.QEMULog(), lastLines), tail(a.Dir.Serial(), lastLines))
}

// bootFailure returns what the guest has printed on its console about a failed boot; empty when
// there is nothing. So the failure is reported at once and not after a timeout.
func (a *agent) bootFailure() string {
	console := tail(a.Dir.Serial(), 1000)
	for _, marker := range []string{image.ConsoleScriptFailed(vm.ScriptBoot), image.ConsoleInitrd} {
		if _, rest, found := strings.Cut(console, marker); found {
			return fmt.Sprintf("%.4000s", marker+rest)
		}
	}
	return ""
}

// tail returns the last lines of a file that are not blank, without control characters; "(none)"
// when there are none. A file that cannot be read counts as empty: the text is an addition to
// another error.
func tail(path string, lines int) string {
	end, err := logfile.End(path, tailBytes)
	all := textfile.LastLines(textfile.Printable(end), lines)
	if err != nil || len(all) == 0 {
		return "(none)"
	}
	return strings.Join(all, "\n")
}
