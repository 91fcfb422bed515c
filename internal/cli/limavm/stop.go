// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"

	"github.com/spf13/cobra"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
)

func stopCommand(s *session.Session) *cobra.Command {
	var force bool
	cmd := changeCommand(s, &cobra.Command{
		Use:   "stop NAME",
		Short: "Shut a virtual machine down and keep it",
		Long: `Stop asks the guest to power off and waits until it has. With --force the machine is ended at once, as by pulling
the plug: what the guest has not written to its disk is lost. It also ends a shutdown that hangs.`,
		Example: "  rdd limavm stop dev\n  rdd limavm stop dev --force\n  rdd limavm stop dev --wait=false",
	}, session.ChangeTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		if force {
			return resource.ForceStop(ctx, s, c, machine, wait)
		}
		return resource.SetRunning(ctx, s, c, machine, false, wait)
	})
	cmd.Flags().BoolVarP(&force, "force", "f", false, "end the machine at once instead of asking the guest")
	return cmd
}
