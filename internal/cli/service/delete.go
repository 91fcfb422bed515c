// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
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
time, nothing else is removed. Directories of VMs that no LimaVM claims stay and are listed. On a terminal it asks
before it deletes a VM.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service delete\n  rdd --instance 3 service delete -y --timeout 10m",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	yes := session.AddYes(cmd)
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if missing, err := s.NotCreated(inst); err != nil || missing {
			return err
		}
		if !*yes {
			if err := confirmVMs(ctx, s, inst); err != nil {
				return err
			}
		}
		if !wait {
			return inBackground(
				s, inst, fmt.Sprintf("Instance %q is being deleted.", inst.Name), "delete", "--yes", "--timeout", cmd.Flag("timeout").Value.String(),
			)
		}
		if err := deleteAll(ctx, s); err != nil {
			return err
		}
		return removeInstance(ctx, s, inst)
	})
}

// confirmVMs asks on a terminal whether to delete the VMs, where there are any. Without a terminal
// it asks nothing: scripts have deleted instances so from the beginning.
func confirmVMs(ctx context.Context, s *session.Session, inst instance.Instance) error {
	if !s.CanAsk() {
		return nil
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	if len(machines.Items) == 0 {
		return nil
	}
	var names []string
	for _, machine := range machines.Items {
		names = append(names, machine.Name)
	}
	return s.Confirm(ctx, fmt.Sprintf("This deletes all VMs of instance %q with their disks (%s) and all its resources",
		inst.Name, strings.Join(names, ", ")), false)
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
		// The record of them may be damaged, or the disk full: the deletion needs neither.
		fmt.Fprintln(s.Err, "What rdd changed on the host may be left there:", err)
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
