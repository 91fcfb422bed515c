// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/offline"
	"rancherdesktop.io/rdd/internal/instance"
)

// repairFlags are what `rdd service repair` is asked for.
type repairFlags struct {
	list bool
	keys []string
}

func repairCommand(s *session.Session) *cobra.Command {
	flags := &repairFlags{}
	cmd := &cobra.Command{
		Use:   "repair (--list | --quarantine KEY)",
		Short: "List objects in the store that cannot be read, and set them aside",
		Long: `Repair looks for objects in the store whose content is not what was written. One of them keeps the daemon from starting.

With --list it prints their keys. With --quarantine it sets the one with a KEY aside: it is kept in a table of the
store's file, and is not served any more, as if it had been deleted. Putting a backup in place of the whole store
(rdd service restore) brings it back as it was then. The daemon is stopped meanwhile, and runs again if it ran before.`,
		Example: `  rdd service repair --list
  rdd service repair --quarantine /registry/configmaps/default/settings`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&flags.list, "list", false, "list the objects that cannot be read")
	cmd.Flags().StringArrayVar(&flags.keys, "quarantine", nil, "set the object with this key aside")
	cmd.MarkFlagsOneRequired("list", "quarantine")
	cmd.MarkFlagsMutuallyExclusive("list", "quarantine")
	_ = cmd.RegisterFlagCompletionFunc("quarantine", completeBadRow(s)) // fails when done twice
	yes, output := session.AddYes(cmd), session.AddOutput(cmd)
	timeout := &session.WaitFlags{}
	session.AddTimeout(cmd, &timeout.Timeout, session.ServiceTimeout)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
		ctx, cancel, err := timeout.Bound(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		if flags.list {
			return listBadRows(ctx, s, inst, *output)
		}
		question := fmt.Sprintf("This takes %d object(s) out of the store of instance %q", len(flags.keys), inst.Name)
		if err := s.Confirm(ctx, question, *yes); err != nil {
			return err
		}
		return stopped(ctx, s, inst, func() error { return quarantine(ctx, s, inst, flags.keys) })
	}
	return cmd
}

func listBadRows(ctx context.Context, s *session.Session, inst instance.Instance, output session.OutputFormat) error {
	rows, err := offline.BadRows(ctx, inst)
	if err != nil {
		return err
	}
	return output.Print(s.Out, append([]offline.BadRow{}, rows...), func(w io.Writer) { badRowTable(w, rows) })
}

func badRowTable(w io.Writer, rows []offline.BadRow) {
	if len(rows) == 0 {
		fmt.Fprintln(w, "All objects in the store can be read.")
		return
	}
	fmt.Fprintln(w, "KEY\tREVISION\tREASON")
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%d\t%s\n", row.Key, row.Revision, row.Reason)
	}
}

// quarantine sets keys aside while no daemon runs.
func quarantine(ctx context.Context, s *session.Session, inst instance.Instance, keys []string) error {
	for _, key := range keys {
		if err := offline.Quarantine(ctx, inst, key); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s is set aside: it is kept in the table %s of %s\n", key, offline.QuarantineTable, inst.StoreFile())
	}
	return nil
}

// stopped does something while the daemon is stopped, and starts it again if it ran before.
func stopped(ctx context.Context, s *session.Session, inst instance.Instance, do func() error) error {
	ran, err := client.Stop(ctx, inst)
	if err != nil {
		return err
	}
	err = do()
	if !ran {
		if err == nil {
			fmt.Fprintln(s.Out, "To start the daemon: rdd service start")
		}
		return err
	}
	_, startErr := client.Ensure(ctx, inst, client.Options{Build: s.Build})
	return errors.Join(err, startErr)
}

func completeBadRow(s *session.Session) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		inst, err := s.Instance()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), session.CompletionTimeout)
		defer cancel()
		rows, err := offline.BadRows(ctx, inst)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var keys []string
		for _, row := range rows {
			keys = append(keys, row.Key)
		}
		return session.WithPrefix(keys, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}
