// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// SetRunning sets spec.running of a LimaVM and, with wait, waits until the machine runs or is
// stopped. It prints the result.
func SetRunning(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, running, wait bool) error {
	if err := PatchVM(ctx, c, machine, VMPatch{Running: &running}); err != nil {
		return err
	}
	return finishPower(ctx, s, c, machine, running, wait)
}

// ForceStop asks for an end of the machine without a shutdown, also while a shutdown hangs. For
// wait see SetRunning.
func ForceStop(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, wait bool) error {
	patch := VMPatch{Annotation: limav1.AnnotationForceStop, Value: RequestValue()}
	if machine.Spec.Running {
		patch.Running = new(bool)
	}
	if err := PatchVM(ctx, c, machine, patch); err != nil {
		return err
	}
	return finishPower(ctx, s, c, machine, false, wait)
}

func finishPower(
	ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, running, wait bool,
) error {
	want := map[bool]string{true: "run", false: "stop"}[running]
	if !wait {
		if err := RetryFailed(ctx, c, machine.Status.Conditions, ctrlclient.ObjectKeyFromObject(machine)); err != nil {
			return err
		}
		return NotWaiting(s, machine.Name, map[bool]string{true: "Starting LimaVM %q", false: "Stopping LimaVM %q"}[running])
	}
	if err := WaitVM(ctx, s, c, machine, VMRunning(running, machine.Generation), want); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is %s.\n", machine.Name, map[bool]string{true: "running", false: "stopped"}[running])
	if !running {
		return nil
	}
	return PrintMessage(ctx, s, ctrlclient.ObjectKeyFromObject(machine))
}
