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

func restartCommand(s *session.Session) *cobra.Command {
	return changeCommand(s, &cobra.Command{
		Use:   "restart NAME",
		Short: "Shut a virtual machine down and start it again",
		Long: `Restart shuts a running machine down, boots it again and waits until it runs. A machine that is stopped is
started.`,
		Example: "  rdd limavm restart dev",
	}, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return restartVM(ctx, s, c, machine, wait)
	})
}

// restartVM restarts a machine whose spec.running is true, and starts any other.
func restartVM(ctx context.Context, s *session.Session, c *client.Client, machine *limav1.LimaVM, wait bool) error {
	if !machine.Spec.Running {
		fmt.Fprintf(s.Err, "LimaVM %q is stopped: starting it.\n", machine.Name)
		return resource.SetRunning(ctx, s, c, machine, true, wait)
	}
	before, request := machine.Status.RestartCount, resource.RequestValue()
	if err := resource.PatchVM(ctx, c, machine, resource.VMPatch{Annotation: limav1.AnnotationRestartRequested, Value: request}); err != nil {
		return err
	}
	if !wait {
		return resource.NotWaiting(s, machine.Name, "Restarting LimaVM %q")
	}
	if err := resource.WaitVM(ctx, s, c, machine, resource.VMRestarted(request, before), "restart"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q has restarted and is running.\n", machine.Name)
	return resource.PrintMessage(ctx, s, ctrlclient.ObjectKeyFromObject(machine))
}
