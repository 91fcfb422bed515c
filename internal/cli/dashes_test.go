// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm"
)

// shellEngine is an engine whose guests note what they are asked to run.
type shellEngine struct {
	vm.Engine
	name string
	ran  vm.Command
}

func (e *shellEngine) RunInGuest(_ context.Context, name string, command vm.Command) (int, error) {
	e.name, e.ran = name, command
	return 0, nil
}

// TestDashesBeforeACommand: as with ssh, kubectl and limactl, they end the flags and are no word of
// the command. Only the first ones do.
func TestDashesBeforeACommand(t *testing.T) {
	for line, want := range map[string][]string{
		"shell -- ls":                           {"rd", "ls"},
		"shell -- ls -l":                        {"rd", "ls", "-l"},
		"shell ls -- -l":                        {"rd", "ls", "--", "-l"},
		"shell -w /tmp -- ls -- -l":             {"rd", "ls", "--", "-l"},
		"shell --":                              {"rd"},
		"shell":                                 {"rd"},
		"--instance t shell -- ls":              {"rd", "ls"},
		"limavm shell k -- ls":                  {"k", "ls"},
		"limavm shell k -- ls -l":               {"k", "ls", "-l"},
		"limavm shell k ls -- -l":               {"k", "ls", "--", "-l"},
		"limavm shell k -- ls -- -l":            {"k", "ls", "--", "-l"},
		"limavm shell -- k ls":                  {"k", "ls"},
		"limavm shell -- k -- ls":               {"k", "ls"},
		"limavm shell k --":                     {"k"},
		"limavm shell k":                        {"k"},
		"limavm shell --workdir /tmp k -- ls":   {"k", "ls"},
		"vm shell --workdir=/tmp k -- ls --all": {"k", "ls", "--all"},
	} {
		engine := &shellEngine{}
		s := &session.Session{
			Streams: session.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard},
			Engine:  func(instance.Instance) vm.Engine { return engine },
		}
		tree := (&program{session: s}).command()
		tree.SetArgs(strings.Fields(line))
		if err := tree.Execute(); err != nil {
			t.Errorf("rdd %s: %v", line, err)
		}
		got := append([]string{engine.name}, engine.ran.Args...)
		if engine.ran.Line != "" {
			got = append(got, engine.ran.Line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("rdd %s: ran %q, want %q", line, got, want)
		}
	}
}
