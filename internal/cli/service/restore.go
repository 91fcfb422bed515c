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
	"rancherdesktop.io/rdd/internal/daemon/offline"
	"rancherdesktop.io/rdd/internal/instance"
)

var errNoBackup = errors.New("there is no backup yet; the daemon makes them while it runs")

func restoreCommand(s *session.Session) *cobra.Command {
	var list, empty bool
	cmd := &cobra.Command{
		Use:   "restore [BACKUP | --empty]",
		Short: "Put a backup in the place of the store",
		Long: `Restore puts a backup, the last one unless another is named, in the place of the store that holds all resources.
The daemon backs the store up soon after it starts and every now and then while it runs.

The present store is set aside, not removed. VMs and their disks are not touched: one that was made after the backup
is a directory that no LimaVM claims, and is listed with the way to get it back; one that was deleted after the
backup is lost, and rdd limavm reset makes it anew. The daemon is stopped meanwhile, and runs again if it ran before.

With --empty the next start begins with an empty store: for a store that is lost and has no backup. All directories of
VMs are unclaimed then, and can be adopted. Backups stay.`,
		Example: `  rdd service restore
  rdd service restore --list
  rdd service restore --empty
  rdd service restore -y store-20260102T150405Z-r1234.db`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeBackup(s),
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the backups instead")
	cmd.Flags().BoolVar(&empty, "empty", false, "begin with an empty store instead")
	cmd.MarkFlagsMutuallyExclusive("list", "empty")
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
		put, err := selectStore(inst, backups, args, empty)
		if err != nil {
			return err
		}
		ctx, cancel, err := timeout.Bound(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		return replaceStore(ctx, s, inst, put, *yes)
	}
	return cmd
}

// replaceStore asks whether to go on, unless yes says so, and replaces the store.
func replaceStore(ctx context.Context, s *session.Session, inst instance.Instance, put newStore, yes bool) error {
	if put.empty {
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
	}
	if err := s.Confirm(ctx, put.question, yes); err != nil {
		return err
	}
	return stopped(ctx, s, inst, func() error { return putStore(s, put) })
}

// newStore is what is put in the place of the store.
type newStore struct {
	question, done string
	empty          bool
	// put returns where the old store is now.
	put func() (aside string, err error)
}

func selectStore(inst instance.Instance, backups []offline.Backup, args []string, empty bool) (newStore, error) {
	if empty && len(args) > 0 {
		return newStore{}, fmt.Errorf("an empty store needs no backup; got %q", args[0])
	}
	if empty {
		return newStore{
			empty:    true,
			question: fmt.Sprintf("This takes all resources out of instance %q", inst.Name),
			done:     "The next start begins with an empty store.",
			put:      func() (string, error) { return offline.Renew(inst) },
		}, nil
	}
	backup, err := selectBackup(backups, args)
	taken := backup.Taken.Local().Format(time.DateTime)
	return newStore{
		question: fmt.Sprintf("This puts the resources of instance %q back to how they were at %s", inst.Name, taken),
		done:     fmt.Sprintf("The store is the one of %s again.", taken),
		put:      func() (string, error) { return offline.Restore(inst, backup) },
	}, err
}

// putStore replaces the store while no daemon runs.
func putStore(s *session.Session, store newStore) error {
	aside, err := store.put()
	if err != nil {
		return err
	}
	fmt.Fprintln(s.Out, store.done)
	if aside != "" {
		fmt.Fprintf(s.Out, "What was in its place is now %s\n", aside)
	}
	return nil
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
