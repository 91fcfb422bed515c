// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"fmt"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// logKind is one of the logs in an instance directory.
type logKind struct {
	name, about string
	file        func(vmdir.Dir) string
}

var logKinds = []logKind{
	{"hostagent", "what rdd does for the machine", vmdir.Dir.HostagentStderr},
	{"serial", "the guest's console of the last start", vmdir.Dir.Serial},
	{"events", "the machine's phases as JSON lines", vmdir.Dir.HostagentStdout},
	{"qemu", "QEMU's own messages of the last start", vmdir.Dir.QEMULog},
}

// usualLogs are printed when none is asked for.
var usualLogs = []string{"hostagent", "serial"}

// kindsFlag is the value of `logs -o`: a list of kinds, or all.
type kindsFlag []string

// String implements pflag.Value.
func (k *kindsFlag) String() string { return strings.Join(*k, ",") }

// Type implements pflag.Value.
func (k *kindsFlag) Type() string { return "KIND" }

// Set implements pflag.Value.
func (k *kindsFlag) Set(s string) error {
	*k = strings.Split(s, ",")
	if s == "all" {
		*k = logNames()
	}
	for _, name := range *k {
		if !slices.Contains(logNames(), name) {
			return fmt.Errorf("must be all or some of %s", strings.Join(logNames(), ","))
		}
	}
	return nil
}

func logNames() []string {
	var names []string
	for _, kind := range logKinds {
		names = append(names, kind.name)
	}
	return names
}

func logHelp() string {
	var b strings.Builder
	for _, kind := range logKinds {
		fmt.Fprintf(&b, "  %-10s %s\n", kind.name, kind.about)
	}
	return b.String()
}

func findLog(name string) logKind {
	return logKinds[slices.IndexFunc(logKinds, func(k logKind) bool { return k.name == name })]
}
