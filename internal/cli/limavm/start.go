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
	cmd := &cobra.Command{
		Use:   "start NAME",
		Short: "Start a virtual machine",
		Long: `Start boots a virtual machine and waits until it runs: ssh answers, its provisioning scripts and probes have
passed. Then it prints the template's message. It tries again at once what has failed before.

With --cpus, --memory, --disk, --mount or --set it changes the template before, as edit does.`,
		Example: "  rdd limavm start dev\n  rdd limavm start dev --timeout 30m\n  rdd limavm start dev --cpus 4",
	}
	flags := addEditFlags(cmd)
	return changeCommand(s, cmd, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		if !flags.given() {
			return resource.SetRunning(ctx, s, c, machine, true, wait)
		}
		return startChanged(ctx, s, c, machine, flags, wait)
	})
}

// startChanged changes the template of a LimaVM and starts it. One that runs is restarted into a
// changed template.
func startChanged(
	ctx context.Context, s *session.Session, c *client.Client, machine *limav1.LimaVM, flags *editFlags, wait bool,
) error {
	version, err := changeByFlags(ctx, c, machine, flags)
	if err != nil {
		return err
	}
	if version == "" || !machine.Spec.Running {
		return resource.SetRunning(ctx, s, c, machine, true, wait)
	}
	return finishEdit(ctx, s, c, machine, version, wait)
}
