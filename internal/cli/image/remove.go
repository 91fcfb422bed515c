// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func removeCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rm IMAGE…",
		Aliases: []string{"remove", "delete"},
		Short:   "Remove guest images from the cache",
		Long: `Rm removes images, each given by its name, its ID or its digest (see: rdd image list). An image
that a virtual machine's disk refers to is not removed. One that was downloaded is downloaded anew when it is needed again.`,
		Example: `  rdd image rm docker
  rdd image rm docker-0123456789abcdef`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeImage(s),
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		store, err := openStore(s)
		if err != nil {
			return err
		}
		var errs []error
		for _, arg := range session.Distinct(args) {
			removed, err := store.Remove(arg)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fmt.Fprintln(s.Out, "Removed the image", removed.ID())
		}
		return errors.Join(errs...)
	}
	return cmd
}

func completeImage(s *session.Session) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		store, err := openStore(s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		entries, err := store.List()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var ids []string
		for _, e := range entries {
			if !slices.Contains(args, e.ID()) {
				ids = append(ids, e.ID())
			}
		}
		return session.WithPrefix(ids, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}
