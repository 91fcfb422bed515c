// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
)

func resetCommand(s *session.Session) *cobra.Command {
	var yes *bool
	cmd := changeCommand(s, &cobra.Command{
		Use:   "reset NAME",
		Short: "Make a virtual machine anew from its template; its disk is lost",
		Long: `Reset deletes a virtual machine's disk with everything in it and makes the machine anew from its template. Name,
template and parameters stay, and it runs afterwards if it is to run. It asks before it does so; without a terminal it
needs --yes.`,
		Example: "  rdd limavm reset dev\n  rdd limavm reset dev --yes",
	}, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		lost := fmt.Sprintf("Reset deletes the disk of LimaVM %q with everything in it", machine.Name)
		if err := s.Confirm(ctx, lost, *yes); err != nil {
			return err
		}
		return resetVM(ctx, s, c, machine, wait)
	})
	yes = session.AddYes(cmd)
	return cmd
}

// resetVM deletes a LimaVM's machine with its disk, and has it created again.
func resetVM(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, wait bool) error {
	until, err := resource.RequestReset(ctx, c, machine)
	if err != nil {
		return err
	}
	if !wait {
		return resource.NotWaiting(s, machine.Name, "Making LimaVM %q anew")
	}
	if err := resource.WaitVM(ctx, s, c, machine, until, "be made anew"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is made anew and %s.\n", machine.Name, resource.WantedText(machine.Spec.Running))
	if !machine.Spec.Running {
		return nil
	}
	return resource.PrintMessage(ctx, s, ctrlclient.ObjectKeyFromObject(machine))
}
