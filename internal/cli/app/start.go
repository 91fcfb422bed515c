// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

const startHint = "The start goes on. To follow it: rdd status, rdd why, or rdd start again; to end it: rdd stop."

func startCommand(s *session.Session) *cobra.Command {
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
	return session.WithWait(
		cmd, session.StartTimeout, func(ctx context.Context, _ []string, wait bool) error { return startApp(ctx, s, wait) },
	)
}

func startApp(ctx context.Context, s *session.Session, wait bool) error {
	if err := s.CheckSocketPaths(); err != nil {
		return err
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	app, err := resource.StartApp(ctx, s, c)
	if err != nil {
		return err
	}
	key := ctrlclient.ObjectKey{Namespace: app.Spec.Namespace, Name: appv1.LimaVMName}
	if !wait {
		if err := resource.RetryFailed(ctx, c, app.Status.Conditions, key); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "Starting the VM. To follow it: rdd status")
		return nil
	}
	if err := resource.SettleApp(ctx, s, c, app, []string{"running"}, "the VM to run", startHint); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "The VM is running. Try: rdd run docker version, rdd shell, rdd status")
	if err := printContextHint(ctx, s, c); err != nil {
		fmt.Fprintln(s.Err, "Which engine docker uses could not be found out:", err)
	}
	return resource.PrintMessage(ctx, s, key)
}
