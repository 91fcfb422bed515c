// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/hostconfig"
)

func listCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what is changed on this host, what was there before, and what is in the way",
		Example: `  rdd integration list
  rdd integration list -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		settings, err := s.HostSettings(inst)
		if err != nil {
			return err
		}
		return output.Print(s.Out, settings, func(w io.Writer) { table(w, settings) })
	}
	return cmd
}

func table(w io.Writer, settings []hostconfig.Setting) {
	fmt.Fprintln(w, "NAME\tSTATE\tBEFORE\tWHERE")
	for _, t := range settings {
		before := t.Before
		if before == "" {
			before = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.State, before, t.Where)
	}
	for _, t := range settings {
		if remark := t.Remark(); remark != "" {
			fmt.Fprintf(w, "%s: %s\n", t.Name, remark)
		}
	}
}
