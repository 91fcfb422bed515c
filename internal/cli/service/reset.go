// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/offline"
	"rancherdesktop.io/rdd/internal/instance"
)

func resetCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Delete all VMs and begin with an empty store",
		Long: `Reset first deletes the App and all LimaVMs through the API, starting the daemon if need be, and waits until
they are gone. Only then it replaces the store, with all other resources and its backups, by an empty one. The instance
keeps its arguments, and its daemon runs again if it ran before. When a VM cannot be deleted in time, nothing else is
changed. Directories of VMs that no LimaVM claims stay and are listed.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service reset\n  rdd service reset -y --timeout 10m",
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
		if err := s.Confirm(ctx, fmt.Sprintf("This deletes all VMs, their disks and all resources of instance %q", inst.Name), *yes); err != nil {
			return err
		}
		if !wait {
			return inBackground(
				s, inst, fmt.Sprintf("Instance %q is being reset.", inst.Name), "reset", "--yes", "--timeout", cmd.Flag("timeout").Value.String(),
			)
		}
		return resetInstance(ctx, s, inst)
	})
}

func resetInstance(ctx context.Context, s *session.Session, inst instance.Instance) error {
	before, _, err := client.Find(inst)
	if err != nil {
		return err
	}
	if err := deleteAll(ctx, s); err != nil {
		return err
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	if _, err := client.Stop(ctx, inst); err != nil {
		return err
	}
	if err := s.UndoHostChanges(ctx, inst); err != nil {
		return err
	}
	if err := offline.Discard(inst); err != nil {
		return fmt.Errorf("resetting the instance: %w", err)
	}
	if before != client.Stopped {
		if _, err := client.Ensure(ctx, inst, s.ClientOptions()); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.Out, "Instance %q is reset.\n", inst.Name)
	left, err := resource.ListUnclaimed(ctx, s, nil)
	showUnclaimed(s, left, "")
	return err
}
