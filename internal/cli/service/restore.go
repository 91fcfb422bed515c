// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/offline"
	"rancherdesktop.io/rdd/internal/instance"
)

var errNoBackup = errors.New("there is no backup yet; the daemon makes them while it runs")

func restoreCommand(s *session.Session) *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "restore [BACKUP]",
		Short: "Put a backup in the place of the store",
		Long: `Restore puts a backup, the last one unless another is named, in the place of the store that holds all resources.
The daemon backs the store up soon after it starts and every now and then while it runs.

The present store is set aside, not removed. VMs and their disks are not touched: one that was made after the backup
is a directory that no LimaVM claims, and is listed with the way to get it back; one that was deleted after the
backup is made anew. The daemon is stopped meanwhile, and runs again if it ran before.`,
		Example: `  rdd service restore
  rdd service restore --list
  rdd service restore -y store-20260102T150405Z-r1234.db`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeBackup(s),
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the backups instead")
	yes, output := session.AddYes(cmd), session.AddOutput(cmd)
	timeout := &session.WaitFlags{}
	session.AddTimeout(cmd, &timeout.Timeout, session.ServiceTimeout)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		backups, err := offline.Backups(inst)
		if err != nil {
			return err
		}
		if list {
			return output.Print(s.Out, append([]offline.Backup{}, backups...), func(w io.Writer) { backupTable(w, backups) })
		}
		backup, err := selectBackup(backups, args)
		if err != nil {
			return err
		}
		question := fmt.Sprintf(
			"This puts the resources of instance %q back to how they were at %s", inst.Name, backup.Taken.Local().Format(time.DateTime),
		)
		if err := s.Confirm(question, *yes); err != nil {
			return err
		}
		ctx, cancel, err := timeout.Bound(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		return restoreStore(ctx, s, inst, backup)
	}
	return cmd
}

func restoreStore(ctx context.Context, s *session.Session, inst instance.Instance, backup offline.Backup) error {
	ran, err := client.Stop(ctx, inst)
	if err != nil {
		return err
	}
	aside, err := offline.Restore(inst, backup)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "The store is the one of %s again.\n", backup.Taken.Local().Format(time.DateTime))
	if aside != "" {
		fmt.Fprintf(s.Out, "What was in its place is now %s\n", aside)
	}
	if !ran {
		fmt.Fprintln(s.Out, "To start the daemon: rdd service start")
		return nil
	}
	_, err = client.Ensure(ctx, inst, client.Options{Build: s.Build})
	return err
}

// selectBackup returns the backup whose file name or path is the argument; without one, the latest.
func selectBackup(backups []offline.Backup, args []string) (offline.Backup, error) {
	if len(backups) == 0 {
		return offline.Backup{}, errNoBackup
	}
	if len(args) == 0 {
		return backups[0], nil
	}
	var names []string
	for _, b := range backups {
		name := filepath.Base(b.Path)
		if args[0] == name || args[0] == b.Path {
			return b, nil
		}
		names = append(names, name)
	}
	return offline.Backup{}, fmt.Errorf("there is no backup %q; there are: %s", args[0], strings.Join(names, ", "))
}

func backupTable(w io.Writer, backups []offline.Backup) {
	if len(backups) == 0 {
		fmt.Fprintln(w, "There is no backup yet; the daemon makes them while it runs.")
		return
	}
	fmt.Fprintln(w, "TAKEN\tREVISION\tSIZE\tBACKUP")
	for _, b := range backups {
		fmt.Fprintf(w, "%s\t%d\t%d kB\t%s\n", b.Taken.Local().Format(time.DateTime), b.Revision, b.Size/1000, filepath.Base(b.Path))
	}
}

func completeBackup(s *session.Session) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		inst, err := s.Instance()
		if err != nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		backups, err := offline.Backups(inst)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, b := range backups {
			names = append(names, filepath.Base(b.Path))
		}
		return session.WithPrefix(names, prefix), cobra.ShellCompDirectiveNoFileComp
	}
}
