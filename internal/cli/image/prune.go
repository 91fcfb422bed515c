// SPDX-License-Identifier: Apache-2.0

package image

import (
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func pruneCommand(s *session.Session) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove the guest images that nothing uses and that are out of date",
		Long: `Prune removes images that no virtual machine's disk refers to: built ones that are outdated or superseded, and
downloaded ones whose location has something else by now. Downloads that were broken off are removed too.`,
		Example: `  rdd image prune
  rdd image prune --all`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove unused images that are up to date, too")
	cmd.RunE = func(*cobra.Command, []string) error {
		store, err := openStore(s)
		if err != nil {
			return err
		}
		pruned, err := store.Prune(all)
		for _, e := range pruned.Images {
			fmt.Fprintln(s.Out, "Removed the image", e.ID())
		}
		if err == nil || pruned.Freed > 0 {
			fmt.Fprintf(s.Out, "Freed %d MB\n", pruned.Freed/1e6)
		}
		return err
	}
	return cmd
}
