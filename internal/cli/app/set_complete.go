// SPDX-License-Identifier: Apache-2.0

package app

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// completeSet completes the names of properties, and the values of those that are enumerations.
func completeSet(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		schema, err := knownSchema(cmd.Context(), s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var candidates []string
		if name, _, valued := strings.Cut(prefix, "="); valued {
			for _, p := range schema.Properties() {
				for _, value := range p.Values {
					if p.Name == name {
						candidates = append(candidates, name+"="+value)
					}
				}
			}
			return session.WithPrefix(candidates, prefix), cobra.ShellCompDirectiveNoFileComp
		}
		for _, p := range schema.Properties() {
			given := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, p.Name+"=") })
			if strings.HasPrefix(p.Name, prefix) && !given {
				candidates = append(candidates, cobra.CompletionWithDesc(p.Name+"=", firstSentence(p.Description)))
			}
		}
		return candidates, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
