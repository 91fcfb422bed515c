// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"
)

const deleteHint = "The deletion goes on. To follow it: rdd status, or rdd delete again."

func (r *root) deleteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Take the VM down and remove it with its disk",
		Long: `Delete deletes the App and waits until it and all that it owns are gone: the guest, its disk, the
LimaVM and the templates. The cached image and the logs stay.

Ctrl-C ends the waiting only.`,
		Example: `  rdd delete
  rdd delete --timeout 10m`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return withWait(cmd, changeTimeout, func(ctx context.Context, _ []string, wait bool) error { return r.delete(ctx, wait) })
}

func (r *root) delete(ctx context.Context, wait bool) error {
	exists, err := r.instanceExists()
	if err != nil {
		return err
	}
	if !exists {
		fmt.Fprintf(r.out, noApp, "delete")
		return nil
	}
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	app, err := getApp(ctx, c)
	if err != nil {
		return err
	}
	if app == nil {
		fmt.Fprintf(r.out, noApp, "delete")
		return nil
	}
	if err := ctrl.IgnoreNotFound(c.Delete(ctx, app, ctrl.Preconditions{UID: &app.UID})); err != nil {
		return fmt.Errorf("deleting the App: %w", err)
	}
	if !wait {
		fmt.Fprintln(r.out, "The App is to be deleted. To follow it: rdd status")
		return nil
	}
	if err := r.waitAppGone(ctx, c, app, deleteHint); err != nil {
		return err
	}
	if err := r.undoFor(ctx, c); err != nil {
		return err
	}
	fmt.Fprintln(r.out, "The App and its VM are deleted.")
	return nil
}

// undoFor undoes what was changed on the host for the App that is gone, unless there is a new one already.
func (r *root) undoFor(ctx context.Context, c ctrl.Reader) error {
	inst, err := r.instance()
	if err != nil {
		return err
	}
	if app, err := getApp(ctx, c); err != nil || app != nil {
		return err
	}
	return r.undoIntegration(ctx, inst)
}
