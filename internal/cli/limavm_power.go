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
	"rancherdesktop.io/rdd/internal/client"
)

func (r *root) limavmStartCommand() *cobra.Command {
	return r.vmCommand(&cobra.Command{
		Use:   "start NAME",
		Short: "Start a virtual machine",
		Long: `Start boots a virtual machine and waits until it runs: ssh answers, its provisioning scripts and probes have
passed. Then it prints the template's message. It tries again at once what has failed before.`,
		Example: "  rdd limavm start dev\n  rdd limavm start dev --timeout 30m",
	}, startTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		return r.setRunning(ctx, c, machine, true, wait)
	})
}

func (r *root) limavmStopCommand() *cobra.Command {
	var force bool
	cmd := r.vmCommand(&cobra.Command{
		Use:   "stop NAME",
		Short: "Shut a virtual machine down and keep it",
		Long: `Stop asks the guest to power off and waits until it has. With --force the machine is ended at once, as by pulling
the plug: what the guest has not written to its disk is lost. It also ends a shutdown that hangs.`,
		Example: "  rdd limavm stop dev\n  rdd limavm stop dev --force\n  rdd limavm stop dev --wait=false",
	}, changeTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		if force {
			return r.forceStop(ctx, c, machine, wait)
		}
		return r.setRunning(ctx, c, machine, false, wait)
	})
	cmd.Flags().BoolVarP(&force, "force", "f", false, "end the machine at once instead of asking the guest")
	return cmd
}

func (r *root) limavmRestartCommand() *cobra.Command {
	return r.vmCommand(&cobra.Command{
		Use:   "restart NAME",
		Short: "Shut a virtual machine down and start it again",
		Long: `Restart shuts a running machine down, boots it again and waits until it runs. A machine that is stopped is
started.`,
		Example: "  rdd limavm restart dev",
	}, startTimeout, r.restartVM)
}

func (r *root) limavmResetCommand() *cobra.Command {
	var yes *bool
	cmd := r.vmCommand(&cobra.Command{
		Use:   "reset NAME",
		Short: "Make a virtual machine anew from its template; its disk is lost",
		Long: `Reset deletes a virtual machine's disk with everything in it and makes the machine anew from its template. Name,
template and parameters stay, and it runs afterwards if it is to run. It asks before it does so; without a terminal it
needs --yes.`,
		Example: "  rdd limavm reset dev\n  rdd limavm reset dev --yes",
	}, startTimeout, func(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
		lost := fmt.Sprintf("Reset deletes the disk of LimaVM %q with everything in it", machine.Name)
		if err := r.confirm(lost, *yes); err != nil {
			return err
		}
		return r.resetVM(ctx, c, machine, wait)
	})
	yes = addYes(cmd)
	return cmd
}

// setRunning starts or stops a LimaVM.
func (r *root) setRunning(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, running, wait bool) error {
	if err := patchVM(ctx, c, machine, vmPatch{running: &running}); err != nil {
		return err
	}
	return r.finishPower(ctx, c, machine, running, wait)
}

// forceStop ends a LimaVM's machine at once, also one whose shutdown hangs.
func (r *root) forceStop(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	patch := vmPatch{annotation: limav1.AnnotationForceStop, value: requestValue()}
	if machine.Spec.Running {
		patch.running = new(bool)
	}
	if err := patchVM(ctx, c, machine, patch); err != nil {
		return err
	}
	return r.finishPower(ctx, c, machine, false, wait)
}

func (r *root) finishPower(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, running, wait bool) error {
	want := map[bool]string{true: "run", false: "stop"}[running]
	if !wait {
		if err := retryFailed(ctx, c, machine.Status.Conditions, ctrl.ObjectKeyFromObject(machine)); err != nil {
			return err
		}
		return r.notWaiting(machine.Name, want)
	}
	if err := r.waitVM(ctx, c, machine, runningJudge(running, machine.Generation), want); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q is %s.\n", machine.Name, map[bool]string{true: "running", false: "stopped"}[running])
	if !running {
		return nil
	}
	return r.tellMessage(ctx, ctrl.ObjectKeyFromObject(machine))
}

// restartVM restarts a machine that is to run, and starts another.
func (r *root) restartVM(ctx context.Context, c *client.Client, machine *limav1.LimaVM, wait bool) error {
	if !machine.Spec.Running {
		fmt.Fprintf(r.err, "LimaVM %q is stopped: starting it.\n", machine.Name)
		return r.setRunning(ctx, c, machine, true, wait)
	}
	before, request := machine.Status.RestartCount, requestValue()
	if err := patchVM(ctx, c, machine, vmPatch{annotation: limav1.AnnotationRestartRequested, value: request}); err != nil {
		return err
	}
	if !wait {
		return r.notWaiting(machine.Name, "restart")
	}
	if err := r.waitVM(ctx, c, machine, restartedJudge(request, before), "restart"); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q has restarted and is running.\n", machine.Name)
	return r.tellMessage(ctx, ctrl.ObjectKeyFromObject(machine))
}

// restartedJudge waits until the request was heard and the machine has come up once more than before.
func restartedJudge(request string, before int64) judge {
	return existing(func(machine *limav1.LimaVM) (verdict, error) {
		if !machine.Spec.Running {
			return verdict{}, fmt.Errorf("the LimaVM was changed meanwhile: its spec.running is false now")
		}
		return awaiting(machine.Status.LastRestartRequest == request, func() verdict {
			v := settledVerdict(machine)
			if v.done && machine.Status.RestartCount <= before {
				return verdict{why: "waiting for the restart"}
			}
			return v
		}), nil
	})
}

// resetVM makes a LimaVM's machine anew.
func (r *root) resetVM(ctx context.Context, c ctrl.WithWatch, machine *limav1.LimaVM, wait bool) error {
	judge, err := requestReset(ctx, c, machine)
	if err != nil {
		return err
	}
	if !wait {
		return r.notWaiting(machine.Name, "be made anew")
	}
	if err := r.waitVM(ctx, c, machine, judge, "be made anew"); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "LimaVM %q is made anew and %s.\n", machine.Name, wantedText(machine.Spec.Running))
	if !machine.Spec.Running {
		return nil
	}
	return r.tellMessage(ctx, ctrl.ObjectKeyFromObject(machine))
}

// requestReset asks for a LimaVM's machine to be made anew; the judge waits until it is.
func requestReset(ctx context.Context, c ctrl.Writer, machine *limav1.LimaVM) (judge, error) {
	request := requestValue()
	if err := patchVM(ctx, c, machine, vmPatch{annotation: limav1.AnnotationResetRequested, value: request}); err != nil {
		return nil, err
	}
	return existing(func(machine *limav1.LimaVM) (verdict, error) {
		return awaiting(machine.Status.LastResetRequest == request, func() verdict { return settledVerdict(machine) }), nil
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
	if err := c.Patch(ctx, machine, ctrl.RawPatch(types.MergePatchType, data), fieldOwner); err != nil {
		return fmt.Errorf("changing LimaVM %q: %w", machine.Name, err)
	}
	return nil
}
