// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/guestcopy"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/shell"
	"rancherdesktop.io/rdd/internal/vm"
)

func copyCommand(s *session.Session) *cobra.Command {
	copier := &guestcopy.Copier{}
	cmd := &cobra.Command{
		Use:     "copy SOURCE… TARGET",
		Aliases: []string{"cp"},
		Short:   "Copy files between this host and virtual machines",
		Long: `Copy copies files and, with -r, directories. VM:PATH is a path in a running virtual machine, relative to the home of
its user; any other is one of this host. A path of this host with a colon is written with a slash: ./a:b. Both may be in
virtual machines. A target that is a directory gets the copy in it. What a symbolic link leads to is copied in its place.`,
		Example: `  rdd limavm copy notes.txt dev:
  rdd limavm copy dev:/etc/os-release .
  rdd limavm copy -r ./src dev:/srv
  rdd limavm copy -r dev:results other:`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: completeCopy(s),
	}
	cmd.Flags().BoolVarP(&copier.Recursive, "recursive", "r", false, "copy directories with what is in them")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		guests, err := session.Ability[vm.GuestRunner](s, "run commands in guests")
		if err != nil {
			return err
		}
		copier.Err = s.Err
		copier.Run = func(ctx context.Context, name string, command vm.Command) (int, error) {
			code, err := guests.RunInGuest(ctx, name, command)
			var unreachable *vm.UnreachableError
			if errors.As(err, &unreachable) {
				err = shell.Explain(ctx, s, shell.Options{Name: name, Start: "rdd limavm start " + name}, unreachable)
			}
			return code, err
		}
		last := len(args) - 1
		return copier.Copy(cmd.Context(), args[:last], args[last])
	}
	return cmd
}

// completeCopy completes the names of LimaVMs, with a colon, and files.
func completeCopy(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		names, directive := resource.CompleteVMs(s)(cmd, nil, prefix)
		if len(names) == 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		for i, name := range names {
			names[i] = withColon(name)
		}
		return names, directive | cobra.ShellCompDirectiveNoSpace
	}
}

// withColon puts a colon after the name in a candidate, which a description may follow after a tab.
func withColon(candidate string) string {
	name, description, described := strings.Cut(candidate, "\t")
	if !described {
		return name + ":"
	}
	return name + ":\t" + description
}
