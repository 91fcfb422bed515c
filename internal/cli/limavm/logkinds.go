// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"fmt"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

// logKinds lists the kinds of logs that the engine keeps of each machine, in every instance.
func logKinds(s *session.Session) []vm.LogKind {
	finder, ok := s.Engine(instance.Instance{}).(vm.LogFinder)
	if !ok {
		return nil
	}
	return finder.LogKinds()
}

// logHelp lists the kinds for the help text.
func logHelp(kinds []vm.LogKind) string {
	var b strings.Builder
	for _, kind := range kinds {
		fmt.Fprintf(&b, "  %-10s %s\n", kind.Name, kind.About)
	}
	return b.String()
}

// kindsFlag is the value of `logs -o`: a list of kinds, or all.
type kindsFlag struct {
	chosen, valid []string
}

// newKindsFlag returns the flag with its default.
func newKindsFlag(kinds []vm.LogKind) *kindsFlag {
	k := &kindsFlag{chosen: []string{vm.LogHostagent, vm.LogSerial}}
	for _, kind := range kinds {
		k.valid = append(k.valid, kind.Name)
	}
	return k
}

// String implements pflag.Value.
func (k *kindsFlag) String() string { return strings.Join(k.chosen, ",") }

// Type implements pflag.Value.
func (k *kindsFlag) Type() string { return "KIND" }

// Set implements pflag.Value.
func (k *kindsFlag) Set(s string) error {
	k.chosen = strings.Split(s, ",")
	if s == "all" {
		k.chosen = k.valid
	}
	for _, name := range k.chosen {
		if !slices.Contains(k.valid, name) {
			return fmt.Errorf("valid values: all, or some of %s", strings.Join(k.valid, ","))
		}
	}
	return nil
}
