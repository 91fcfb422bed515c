// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestParseCompletions(t *testing.T) {
	for answer, want := range map[string]struct {
		words     []string
		directive cobra.ShellCompDirective
	}{
		"app\nlimavm\tthe VM\n:4\n": {[]string{"app", "limavm\tthe VM"}, cobra.ShellCompDirectiveNoFileComp},
		":0\n":                      {[]string{}, cobra.ShellCompDirectiveDefault},
		"":                          {nil, cobra.ShellCompDirectiveError},
		"app\n":                     {nil, cobra.ShellCompDirectiveError},
		":x\n":                      {nil, cobra.ShellCompDirectiveError},
	} {
		words, directive := parseCompletions(answer)
		if !slices.Equal(words, want.words) || directive != want.directive {
			t.Errorf("%q is %q, %d", answer, words, directive)
		}
	}
}
