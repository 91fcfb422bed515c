// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// PortHolder says for people who listens on a TCP port of 127.0.0.1.
func PortHolder(port int) string {
	pid, err := TCPListener(port)
	if err != nil {
		return "another program"
	}
	line, err := CommandLine(pid)
	if err != nil || line[0] == "" {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("%s (process %d)", describe(line), pid)
}

// describe names a program by its command line: a virtual machine and an instance of rdd by their
// names, others by the name of the program.
func describe(line []string) string {
	after := func(option string) string {
		if i := slices.Index(line, option); i > 0 && i+1 < len(line) {
			return line[i+1]
		}
		return ""
	}
	if guest, ok := strings.CutPrefix(after("-name"), "guest="); ok {
		name, _, _ := strings.Cut(guest, ",")
		return "the virtual machine " + name
	}
	if name := after("--instance"); name != "" && after("service") == "serve" {
		return fmt.Sprintf("the daemon of instance %q", name)
	}
	return filepath.Base(line[0])
}
