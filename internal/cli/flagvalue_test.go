// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rancherdesktop.io/rdd/internal/cli/serve"
	"rancherdesktop.io/rdd/internal/cli/session"
)

func TestWantedValues(t *testing.T) {
	for args, want := range map[string]string{
		"limavm tunnel dev --socks-port 70000": `invalid argument "70000" for --socks-port: it takes a whole number from 0 to 65535`,
		"limavm tunnel dev --socks-port -1":    `invalid argument "-1" for --socks-port: it takes a whole number from 0 to 65535`,
		"limavm edit dev --cpus=":              `invalid argument "" for --cpus: it takes a whole number`,
		"limavm edit dev --cpus 1.5":           `invalid argument "1.5" for --cpus: it takes a whole number`,
		"limavm logs dev -n x":                 `invalid argument "x" for --lines: it takes a whole number`,
		"start --timeout 5":                    `invalid argument "5" for --timeout: it takes a duration with a unit, such as 90s or 10m`,
		"start --wait=perhaps":                 `invalid argument "perhaps" for --wait: it takes true or false`,
	} {
		err := withWantedValue(runTree(strings.Fields(args)...))
		if err == nil || err.Error() != want {
			t.Errorf("rdd %s: %v, want %s", args, err, want)
		}
	}
}

// TestEveryFlagSaysWhatItTakes walks over the whole tree: no error has the text of a parser.
func TestEveryFlagSaysWhatItTakes(t *testing.T) {
	tree := (&program{session: &session.Session{Engine: serve.OpenEngine}}).command()
	walkCommands(tree, func(cmd *cobra.Command) {
		if strings.HasPrefix(cmd.CommandPath(), "rdd ctl") || strings.HasPrefix(cmd.CommandPath(), "rdd kubectl") {
			return // kubectl's own
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, value := range []string{"", "1.5.x", "99999999999999999999"} {
				err := cmd.Flags().Set(f.Name, value)
				if err == nil {
					continue
				}
				if err := withWantedValue(err); strings.Contains(err.Error(), "strconv") || strings.Contains(err.Error(), "time:") {
					t.Errorf("%s --%s=%s: %v", cmd.CommandPath(), f.Name, value, err)
				}
			}
		})
	})
}
