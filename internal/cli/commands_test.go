// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"
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

// TestTimeoutsFollowOneRule: what may start a VM gets the time of a first start, by whichever
// command. What only ends VMs gets less, and what is about the daemon alone least.
func TestTimeoutsFollowOneRule(t *testing.T) {
	ends := []string{
		"rdd stop", "rdd delete", "rdd limavm stop", "rdd limavm delete", "rdd service stop", "rdd service delete", "rdd service reset",
	}
	daemon := []string{"rdd service start", "rdd service repair", "rdd service restore"}
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	seen := 0
	walkCommands(tree, func(cmd *cobra.Command) {
		flag := cmd.Flags().Lookup("timeout")
		if flag == nil {
			return
		}
		seen++
		want := session.StartTimeout
		if slices.Contains(ends, cmd.CommandPath()) {
			want = session.ChangeTimeout
		}
		if slices.Contains(daemon, cmd.CommandPath()) {
			want = session.ServiceTimeout
		}
		if flag.DefValue != want.String() {
			t.Errorf("%s: --timeout is %s by default, want %s", cmd.CommandPath(), flag.DefValue, want)
		}
	})
	if seen < 15 {
		t.Errorf("only %d commands with --timeout were looked at", seen)
	}
}
