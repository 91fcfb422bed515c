// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/serve"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// runTree runs the whole tree with the arguments, as Main does.
func runTree(args ...string) error {
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	tree.SetArgs(args)
	tree.SetOut(io.Discard)
	tree.SetErr(io.Discard)
	cmd, err := tree.ExecuteC()
	return withNearestFlag(cmd, err)
}

func TestUnknownNamesAreAnsweredWithTheNearest(t *testing.T) {
	for args, want := range map[string]string{
		"stat":                  `unknown command "stat" for "rdd" (did you mean start or status?)`,
		"limavm sart x":         `unknown command "sart" for "rdd limavm" (did you mean start?)`,
		"vm lsit":               `unknown command "lsit" for "rdd limavm" (did you mean list?)`,
		"service stats":         `unknown command "stats" for "rdd service" (did you mean status?)`,
		"integration of":        `unknown command "of" for "rdd integration" (did you mean off or on?)`,
		"image prnue":           `(did you mean prune?)`,
		"completion bsh":        `(did you mean bash or zsh?)`,
		"paths":                 `unknown command "paths" for "rdd" (did you mean rdd service paths?)`,
		"wholly-other":          `unknown command "wholly-other" for "rdd"`,
		"help sart":             `unknown command "sart" for "rdd" (did you mean start?)`,
		"help limavm shel":      `unknown command "shel" for "rdd limavm" (did you mean shell?)`,
		"start --tiemout 3":     `unknown flag: --tiemout (did you mean --timeout?)`,
		"limavm list --outptu":  `unknown flag: --outptu (did you mean --output?)`,
		"--instnace 3 start":    `unknown flag: --instnace (did you mean --instance?)`,
		"service stop --timout": `unknown flag: --timout (did you mean --timeout?)`,
		"start --wholly-other":  `unknown flag: --wholly-other`,
		"start -q":              `unknown shorthand flag: 'q' in -q`,
	} {
		err := runTree(strings.Fields(args)...)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("rdd %s: %v, want %s", args, err, want)
		}
	}
}

// TestEveryGroupRefusesUnknownNames walks over the whole tree.
func TestEveryGroupRefusesUnknownNames(t *testing.T) {
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	groups := 0
	walkCommands(tree, func(cmd *cobra.Command) {
		if !cmd.HasAvailableSubCommands() {
			return
		}
		groups++
		child := cmd.Commands()[0].Name()
		args := append(strings.Fields(cmd.CommandPath())[1:], child+"x")
		if err := runTree(args...); err == nil || !strings.Contains(err.Error(), child) || !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("rdd %s: %v", strings.Join(args, " "), err)
		}
	})
	if groups < 4 {
		t.Errorf("only %d groups were looked at", groups)
	}
}

func TestHelpOfCommands(t *testing.T) {
	for _, args := range []string{"help", "help limavm", "help svc status", "help limavm shell x", "help ctl get"} {
		if err := runTree(strings.Fields(args)...); err != nil {
			t.Errorf("rdd %s: %v", args, err)
		}
	}
}
