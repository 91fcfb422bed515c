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

func startCommand(s *session.Session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "start NAME",
		Short: "Start a virtual machine",
		Long: `Start boots a virtual machine and waits until it runs: ssh answers, its provisioning scripts and probes have
passed. Then it prints the template's message. It tries again at once what has failed before.`,
		Example: "  rdd limavm start dev\n  rdd limavm start dev --timeout 30m",
	}, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return resource.SetRunning(ctx, s, c, machine, true, wait)
	})
}
