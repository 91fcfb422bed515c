// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
)

// CompleteList completes the last of several values that are separated by commas.
func CompleteList(values []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		done := prefix[:strings.LastIndexByte(prefix, ',')+1]
		var lists []string
		for _, value := range values {
			lists = append(lists, done+value)
		}
		return WithPrefix(lists, prefix), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// WithPrefix returns the candidates that begin with prefix.
func WithPrefix(candidates []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(candidates), func(c string) bool { return !strings.HasPrefix(c, prefix) })
}

// Completing completes with the candidates that ask reads from a running daemon, within
// CompletionTimeout. It never starts a daemon: without one there are no candidates.
func (s *Session) Completing(
	cmd *cobra.Command, ask func(context.Context, ctrlclient.Reader) ([]string, error),
) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), CompletionTimeout)
	defer cancel()
	c, err := s.Peek(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	candidates, err := ask(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return candidates, cobra.ShellCompDirectiveNoFileComp
}
