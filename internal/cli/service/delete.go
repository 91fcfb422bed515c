// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
)

func deleteCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete all VMs, stop the daemon and remove the instance",
		Long: `Delete first deletes the App and all LimaVMs through the API, starting the daemon if need be, and waits until
they are gone. Only then it stops the daemon and removes the instance's directories. When a VM cannot be deleted in
time, nothing else is removed. Directories of VMs that no LimaVM claims stay and are listed.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service delete\n  rdd --instance 3 service delete --timeout 10m",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
		if !wait {
			return inBackground(
				s, inst, fmt.Sprintf("Instance %q is being deleted.", inst.Name), "delete", "--timeout", cmd.Flag("timeout").Value.String(),
			)
		}
		if err := deleteAll(ctx, s); err != nil {
			return err
		}
		return removeInstance(ctx, s, inst)
	})
}

// removeInstance stops the daemon and removes the instance's directories. Instance directories of
// VMs that no LimaVM claims stay.
func removeInstance(ctx context.Context, s *session.Session, inst instance.Instance) error {
	ctx, cancel := finishing(ctx)
	defer cancel()
	if _, err := client.Stop(ctx, inst); err != nil {
		return err
	}
	if err := s.UndoHostChanges(ctx, inst); err != nil {
		return err
	}
	left, err := resource.ListUnclaimed(ctx, s, nil)
	if err != nil {
		return err
	}
	if err := removeDirs(inst, len(left) > 0); err != nil {
		return fmt.Errorf("removing the instance: %w", err)
	}
	fmt.Fprintf(s.Out, "Instance %q is deleted.\n", inst.Name)
	return showUnclaimed(ctx, s)
}

// removeDirs removes the directory with the saved arguments last: as long as these exist, the
// instance exists and the deletion can be repeated.
func removeDirs(inst instance.Instance, keepVMs bool) error {
	removeShort := inst.RemoveDir
	if keepVMs {
		removeShort = func(string) error { return removeAllBut(inst.ShortDir, inst.LimaHome()) }
	}
	if err := errors.Join(inst.RemoveDir(inst.LogDir), removeShort(inst.ShortDir)); err != nil {
		return err
	}
	return inst.RemoveDir(inst.Dir)
}

// removeAllBut removes what is in a directory, except kept.
func removeAllBut(dir, kept string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); path != kept {
			errs = append(errs, atomicfile.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}
