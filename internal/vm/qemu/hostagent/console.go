// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"fmt"
	"strings"

	"rancherdesktop.io/rdd/internal/textfile"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

const (
	// lastLines of a log that an error carries, and how far back they are looked for.
	lastLines = 8
	tailBytes = 16 << 10
)

// lastWords returns what QEMU and the guest's console said last.
func (a *agent) lastWords() string {
	return fmt.Sprintf("QEMU's last words: %s; the console's: %s", tail(a.Dir.QEMULog(), lastLines), tail(a.Dir.Serial(), lastLines))
}

// bootTrouble returns what the image says on the console about a boot that failed; empty when it
// says nothing.
func (a *agent) bootTrouble() string {
	console := tail(a.Dir.Serial(), 1000)
	for _, trouble := range []string{image.ConsoleScriptFailed(vm.ScriptBoot), image.ConsoleInitrd} {
		if _, rest, found := strings.Cut(console, trouble); found {
			return fmt.Sprintf("%.4000s", trouble+rest)
		}
	}
	return ""
}

// tail returns the last lines of a file that hold something, without control characters; "(none)"
// when there are none. A file that cannot be read has none: it is an addition to an error.
func tail(path string, lines int) string {
	end, err := textfile.End(path, tailBytes)
	all := textfile.LastLines(textfile.Printable(end), lines)
	if err != nil || len(all) == 0 {
		return "(none)"
	}
	return strings.Join(all, "\n")
}
