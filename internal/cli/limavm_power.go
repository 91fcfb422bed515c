// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/client"
)

func limavmStartCommand(s *session.Session) *cobra.Command {
	return vmCommand(s, &cobra.Command{
		Use:   "start NAME",
		Short: "Start a virtual machine",
		Long: `Start boots a virtual machine and waits until it runs: ssh answers, its provisioning scripts and probes have
passed. Then it prints the template's message. It tries again at once what has failed before.`,
		Example: "  rdd limavm start dev\n  rdd limavm start dev --timeout 30m",
	}, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return resource.SetRunning(ctx, s, c, machine, true, wait)
	})
}

func limavmStopCommand(s *session.Session) *cobra.Command {
	var force bool
	cmd := vmCommand(s, &cobra.Command{
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

func limavmRestartCommand(s *session.Session) *cobra.Command {
	return vmCommand(s, &cobra.Command{
		Use:   "restart NAME",
		Short: "Shut a virtual machine down and start it again",
		Long: `Restart shuts a running machine down, boots it again and waits until it runs. A machine that is stopped is
started.`,
		Example: "  rdd limavm restart dev",
	}, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return restartVM(ctx, s, c, machine, wait)
	})
}

func limavmResetCommand(s *session.Session) *cobra.Command {
	var yes *bool
	cmd := vmCommand(s, &cobra.Command{
		Use:   "reset NAME",
		Short: "Make a virtual machine anew from its template; its disk is lost",
		Long: `Reset deletes a virtual machine's disk with everything in it and makes the machine anew from its template. Name,
template and parameters stay, and it runs afterwards if it is to run. It asks before it does so; without a terminal it
needs --yes.`,
		Example: "  rdd limavm reset dev\n  rdd limavm reset dev --yes",
	}, session.StartTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		lost := fmt.Sprintf("Reset deletes the disk of LimaVM %q with everything in it", machine.Name)
		if err := s.Confirm(lost, *yes); err != nil {
			return err
		}
		return resetVM(ctx, s, c, machine, wait)
	})
	yes = session.AddYes(cmd)
	return cmd
}

// restartVM restarts a machine that is to run, and starts another.
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
		return resource.NotWaiting(s, machine.Name, "restart")
	}
	if err := resource.WaitVM(ctx, s, c, machine, resource.VMRestarted(request, before), "restart"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q has restarted and is running.\n", machine.Name)
	return resource.PrintMessage(ctx, s, ctrl.ObjectKeyFromObject(machine))
}

// resetVM makes a LimaVM's machine anew.
func resetVM(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	judge, err := resource.RequestReset(ctx, c, machine)
	if err != nil {
		return err
	}
	if !wait {
		return resource.NotWaiting(s, machine.Name, "be made anew")
	}
	if err := resource.WaitVM(ctx, s, c, machine, judge, "be made anew"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is made anew and %s.\n", machine.Name, resource.WantedText(machine.Spec.Running))
	if !machine.Spec.Running {
		return nil
	}
	return resource.PrintMessage(ctx, s, ctrl.ObjectKeyFromObject(machine))
}
