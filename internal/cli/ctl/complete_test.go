// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestParseCompletions(t *testing.T) {
	for answer, want := range map[string]struct {
		args      []string
		directive cobra.ShellCompDirective
	}{
		"app\nlimavm\tthe VM\n:4\n": {[]string{"app", "limavm\tthe VM"}, cobra.ShellCompDirectiveNoFileComp},
		":0\n":                      {[]string{}, cobra.ShellCompDirectiveDefault},
		"":                          {nil, cobra.ShellCompDirectiveError},
		"app\n":                     {nil, cobra.ShellCompDirectiveError},
		":x\n":                      {nil, cobra.ShellCompDirectiveError},
	} {
		args, directive := parseCompletions(answer)
		if !slices.Equal(args, want.args) || directive != want.directive {
			t.Errorf("%q is %q, %d", answer, args, directive)
		}
	}
}
