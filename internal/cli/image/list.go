// SPDX-License-Identifier: Apache-2.0

package image

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm/image"
)

func listCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the guest images in the cache",
		Example: `  rdd image list
  rdd image list -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := session.AddOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		store, err := openStore(s)
		if err != nil {
			return err
		}
		if err := store.Repair(cmd.Context()); err != nil {
			fmt.Fprintln(s.Err, err)
		}
		entries, err := store.List()
		if err != nil {
			return err
		}
		if entries == nil {
			entries = []image.Entry{}
		}
		return output.Print(s.Out, entries, func(w io.Writer) { table(w, entries) })
	}
	return cmd
}

func table(w io.Writer, entries []image.Entry) {
	if len(entries) == 0 {
		fmt.Fprintln(w, "There are no guest images; to build the one for Docker: rdd image build")
		return
	}
	fmt.Fprintln(w, "ID\tSTATE\tSIZE\tAGE\tUSED BY\tFROM")
	for _, e := range entries {
		age := duration.HumanDuration(time.Since(e.Created))
		from := e.Location()
		if e.Damage != "" {
			age, from = "?", "damaged: "+e.Damage
		}
		fmt.Fprintf(w, "%s\t%s\t%d MB\t%s\t%s\t%s\n", e.ID(), state(e), e.Size/1e6, age, users(e), from)
	}
}

func state(e image.Entry) string {
	switch {
	case e.Damage != "":
		return "damaged"
	case e.Current:
		return "current"
	case e.Outdated:
		return "outdated"
	default:
		return "superseded"
	}
}

// users lists the machines whose disks refer to an image.
func users(e image.Entry) string {
	if len(e.Users) == 0 {
		return "-"
	}
	names := make([]string, 0, len(e.Users))
	for _, dir := range e.Users {
		names = append(names, filepath.Base(dir))
	}
	return strings.Join(names, ",")
}
