// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
)

// Deadlines by default. A first start builds the guest's image and boots, under emulation if need be.
const (
	startTimeout  = 20 * time.Minute
	changeTimeout = 5 * time.Minute
)

const startHint = "The start goes on. To follow it: rdd status, rdd why, or rdd start again; to end it: rdd stop."

func (r *root) startCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start the VM, making it first if need be",
		Long: `Start makes the App run, creating it with defaults when there is none, and waits until it has
settled: the VM's image is built, the guest has booted and Docker in it is ready. It shows why it waits.

Ctrl-C ends the waiting only.`,
		Example: `  rdd start
  rdd start --timeout 30m
  rdd start --wait=false && rdd status`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return withWait(cmd, startTimeout, func(ctx context.Context, _ []string, wait bool) error { return r.start(ctx, wait) })
}

func (r *root) start(ctx context.Context, wait bool) error {
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	app, err := r.runApp(ctx, c)
	if err != nil {
		return err
	}
	key := ctrl.ObjectKey{Namespace: app.Spec.Namespace, Name: appv1.LimaVMName}
	if !wait {
		if err := retryFailed(ctx, c, app.Status.Conditions, key); err != nil {
			return err
		}
		fmt.Fprintln(r.out, "The VM is to run. To follow it: rdd status")
		return nil
	}
	if err := r.settle(ctx, c, app, "the VM to run", startHint); err != nil {
		return err
	}
	fmt.Fprintln(r.out, "The VM is running. Try: rdd run docker version, rdd shell, rdd status")
	if err := r.tellElsewhere(ctx, c); err != nil {
		fmt.Fprintln(r.err, "Which engine docker uses could not be found out:", err)
	}
	return r.tellMessage(ctx, key)
}

// runApp sets spec.running, creating the App if need be; an App that is being deleted is waited for.
func (r *root) runApp(ctx context.Context, c ctrl.WithWatch) (*appv1.App, error) {
	for {
		app, err := patchRunning(ctx, c, true)
		if err != nil {
			return nil, err
		}
		if app == nil {
			if app, err = createApp(ctx, c); err != nil {
				return nil, err
			}
		}
		if app != nil && app.DeletionTimestamp == nil {
			return app, nil
		}
		if app != nil {
			if err := r.waitAppGone(ctx, c, app, "The deletion goes on; afterwards: rdd start."); err != nil {
				return nil, err
			}
		}
	}
}
