// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
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
		return setRunning(ctx, s, c, machine, true, wait)
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
			return forceStop(ctx, s, c, machine, wait)
		}
		return setRunning(ctx, s, c, machine, false, wait)
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

// setRunning starts or stops a LimaVM.
func setRunning(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, running, wait bool) error {
	if err := patchVM(ctx, c, machine, vmPatch{running: &running}); err != nil {
		return err
	}
	return finishPower(ctx, s, c, machine, running, wait)
}

// forceStop ends a LimaVM's machine at once, also one whose shutdown hangs.
func forceStop(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	patch := vmPatch{annotation: limav1.AnnotationForceStop, value: requestValue()}
	if machine.Spec.Running {
		patch.running = new(bool)
	}
	if err := patchVM(ctx, c, machine, patch); err != nil {
		return err
	}
	return finishPower(ctx, s, c, machine, false, wait)
}

func finishPower(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, running, wait bool) error {
	want := map[bool]string{true: "run", false: "stop"}[running]
	if !wait {
		if err := retryFailed(ctx, c, machine.Status.Conditions, ctrl.ObjectKeyFromObject(machine)); err != nil {
			return err
		}
		return notWaiting(s, machine.Name, want)
	}
	if err := waitVM(ctx, s, c, machine, runningJudge(running, machine.Generation), want); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is %s.\n", machine.Name, map[bool]string{true: "running", false: "stopped"}[running])
	if !running {
		return nil
	}
	return tellMessage(ctx, s, ctrl.ObjectKeyFromObject(machine))
}

// restartVM restarts a machine that is to run, and starts another.
func restartVM(ctx context.Context, s *session.Session, c *client.Client, machine *limav1.LimaVM, wait bool) error {
	if !machine.Spec.Running {
		fmt.Fprintf(s.Err, "LimaVM %q is stopped: starting it.\n", machine.Name)
		return setRunning(ctx, s, c, machine, true, wait)
	}
	before, request := machine.Status.RestartCount, requestValue()
	if err := patchVM(ctx, c, machine, vmPatch{annotation: limav1.AnnotationRestartRequested, value: request}); err != nil {
		return err
	}
	if !wait {
		return notWaiting(s, machine.Name, "restart")
	}
	if err := waitVM(ctx, s, c, machine, restartedJudge(request, before), "restart"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q has restarted and is running.\n", machine.Name)
	return tellMessage(ctx, s, ctrl.ObjectKeyFromObject(machine))
}

// restartedJudge waits until the request was heard and the machine has come up once more than before.
func restartedJudge(request string, before int64) session.Predicate {
	return existing(func(machine *limav1.LimaVM) (session.Result, error) {
		if !machine.Spec.Running {
			return session.Result{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is false now")
		}
		return awaiting(machine.Status.LastRestartRequest == request, func() session.Result {
			v := settledVerdict(machine)
			if v.Done && machine.Status.RestartCount <= before {
				return session.Result{Why: "waiting for the restart"}
			}
			return v
		}), nil
	})
}

// resetVM makes a LimaVM's machine anew.
func resetVM(ctx context.Context, s *session.Session, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	judge, err := requestReset(ctx, c, machine)
	if err != nil {
		return err
	}
	if !wait {
		return notWaiting(s, machine.Name, "be made anew")
	}
	if err := waitVM(ctx, s, c, machine, judge, "be made anew"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is made anew and %s.\n", machine.Name, wantedText(machine.Spec.Running))
	if !machine.Spec.Running {
		return nil
	}
	return tellMessage(ctx, s, ctrl.ObjectKeyFromObject(machine))
}

// requestReset asks for a LimaVM's machine to be made anew; the judge waits until it is.
func requestReset(ctx context.Context, c ctrl.Writer, machine *limav1.LimaVM) (session.Predicate, error) {
	request := requestValue()
	if err := patchVM(ctx, c, machine, vmPatch{annotation: limav1.AnnotationResetRequested, value: request}); err != nil {
		return nil, err
	}
	return existing(func(machine *limav1.LimaVM) (session.Result, error) {
		return awaiting(machine.Status.LastResetRequest == request, func() session.Result { return settledVerdict(machine) }), nil
	}), nil
}

// requestValue is new for each request that an annotation makes.
func requestValue() string { return time.Now().UTC().Format(time.RFC3339Nano) }

// vmPatch is a change of a LimaVM; what is not set stays.
type vmPatch struct {
	running           *bool
	annotation, value string
	// params to set; nil removes one.
	params map[string]*string
}

// merge is the JSON merge patch.
func (p vmPatch) merge() ([]byte, error) {
	spec, patch := map[string]any{}, map[string]any{}
	if p.running != nil {
		spec["running"] = *p.running
	}
	if p.params != nil {
		spec["params"] = p.params
	}
	if len(spec) > 0 {
		patch["spec"] = spec
	}
	if p.annotation != "" {
		patch["metadata"] = map[string]any{"annotations": map[string]string{p.annotation: p.value}}
	}
	return json.Marshal(patch)
}

// patchVM changes a LimaVM and makes machine what it is then.
func patchVM(ctx context.Context, c ctrl.Writer, machine *limav1.LimaVM, change vmPatch) error {
	data, err := change.merge()
	if err != nil {
		return fmt.Errorf("changing LimaVM %q: %w", machine.Name, err)
	}
	if err := c.Patch(ctx, machine, ctrl.RawPatch(types.MergePatchType, data), session.FieldOwner); err != nil {
		return fmt.Errorf("changing LimaVM %q: %w", machine.Name, err)
	}
	return nil
}
