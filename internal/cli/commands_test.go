// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/serve"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// TestEveryCommandExplainsItself walks over the whole tree.
func TestEveryCommandExplainsItself(t *testing.T) {
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	if n := walkCommands(tree, func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short help", cmd.CommandPath())
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if cmd.Example != "" && !strings.Contains(cmd.Example, "rdd") {
			t.Errorf("the example of %s does not show rdd: %q", cmd.CommandPath(), cmd.Example)
		}
	}); n < 10 {
		t.Errorf("only %d commands were looked at", n)
	}
}

// walkCommands visits the visible commands of rdd's own; kubectl's tree explains itself.
func walkCommands(cmd *cobra.Command, visit func(*cobra.Command)) int {
	n := 0
	for _, child := range cmd.Commands() {
		if child.Hidden || child.Name() == "kubectl" || child.Name() == "ctl" {
			continue
		}
		visit(child)
		n += 1 + walkCommands(child, visit)
	}
	return n
}
