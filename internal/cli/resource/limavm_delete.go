// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
)

// DeleteVM deletes a LimaVM and, with wait, waits until it does not exist any more.
func DeleteVM(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if err := AskDelete(ctx, c, machine); err != nil {
		return err
	}
	return AwaitDeleted(ctx, s, c, machine, wait)
}

// AskDelete begins the deletion of a LimaVM. That it does not exist any more is no error.
func AskDelete(ctx context.Context, c ctrlclient.Writer, machine *limav1.LimaVM) error {
	if err := ctrlclient.IgnoreNotFound(c.Delete(ctx, machine, ctrlclient.Preconditions{UID: &machine.UID})); err != nil {
		return fmt.Errorf("deleting LimaVM %q: %w", machine.Name, err)
	}
	return nil
}

// AwaitDeleted waits until a LimaVM does not exist any more, unless wait is false. It prints the
// result.
func AwaitDeleted(ctx context.Context, s *session.Session, c ctrlclient.WithWatch, machine *limav1.LimaVM, wait bool) error {
	if !wait {
		return NotWaiting(s, machine.Name, "Deleting LimaVM %q")
	}
	why := func(object ctrlclient.Object) string {
		return deletionMessage(object.(*limav1.LimaVM).Status.Conditions)
	}
	if err := WaitVM(ctx, s, c, machine, session.Deleted(string(machine.UID), why), "be deleted"); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "LimaVM %q is deleted.\n", machine.Name)
	return nil
}
