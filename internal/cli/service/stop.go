// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

func stopCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon; VMs keep running",
		Long: `Stop ends the daemon and waits until it is gone. VMs keep running and are found again by the next start; with
--vms they are shut down first, and the daemon goes on when one cannot be.

With --wait=false it is all done in the background; what goes wrong is told by: rdd service logs`,
		Example:           "  rdd service stop\n  rdd service stop --vms",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	vms := cmd.Flags().Bool("vms", false, "shut all VMs down first")
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		if *vms && !wait {
			return inBackground(
				s, inst, "The VMs and then the daemon are being stopped.", "stop", "--vms", "--timeout", cmd.Flag("timeout").Value.String(),
			)
		}
		if *vms {
			if err := stopVMs(ctx, s.Reporting(), inst); err != nil {
				return err
			}
		}
		return stopDaemon(ctx, s, inst, *vms, wait)
	})
}

func stopDaemon(ctx context.Context, s *session.Session, inst instance.Instance, vms, wait bool) error {
	stop := client.Stop
	if !wait {
		stop = func(ctx context.Context, inst instance.Instance) (bool, error) {
			_, asked, err := client.AskStop(ctx, inst)
			return asked, err
		}
	}
	stopped, err := stop(ctx, inst)
	switch {
	case err != nil:
		return err
	case stopped && !wait:
		fmt.Fprintln(s.Out, "Stopping the daemon. VMs keep running. To see it: rdd service status")
		return nil
	}
	if exists, err := presence.Exists(inst); err != nil {
		return err
	} else if exists {
		printState(s, inst, "has stopped")
	}
	switch {
	case !stopped:
		fmt.Fprintln(s.Out, "The daemon is not running.")
	case vms:
		fmt.Fprintln(s.Out, "The VMs and the daemon are stopped.")
	default:
		fmt.Fprintln(s.Out, "The daemon is stopped. VMs keep running; to stop them too: rdd service stop --vms")
	}
	return nil
}

// stopVMs stops every VM through the API and returns when all are stopped.
func stopVMs(ctx context.Context, s *session.Session, inst instance.Instance) error {
	if exists, err := presence.Exists(inst); err != nil || !exists {
		return err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	if err := resource.StopApp(ctx, s, true); err != nil {
		return err
	}
	var machines limav1.LimaVMList
	if err := c.List(ctx, &machines); err != nil {
		return fmt.Errorf("listing the LimaVMs: %w", err)
	}
	for i := range machines.Items {
		machine := &machines.Items[i]
		if metav1.GetControllerOf(machine) != nil {
			continue // stopped with its owner
		}
		if err := resource.SetRunning(ctx, s, c, machine, false, true); err != nil {
			return err
		}
	}
	return nil
}
