// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

const (
	stopHint = "The stop goes on. To follow it: rdd status, or rdd stop again."
	noApp    = "App \"app\" does not exist: there is nothing to %s. To make it: rdd start\n"
)

func (r *root) stopCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Shut the VM down and keep it",
		Long: `Stop asks the guest to power off and waits until it has. The VM, its disk and the App stay.

Ctrl-C ends the waiting only.`,
		Example: `  rdd stop
  rdd stop --timeout 10m`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	return withWait(cmd, changeTimeout, func(ctx context.Context, _ []string, wait bool) error { return r.stop(ctx, wait) })
}

func (r *root) stop(ctx context.Context, wait bool) error {
	exists, err := r.instanceExists()
	if err != nil {
		return err
	}
	if !exists {
		fmt.Fprintf(r.out, noApp, "stop")
		return nil
	}
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	raw, err := patchApp(ctx, c, runningSpec(false))
	if err != nil {
		return err
	}
	if raw == nil {
		fmt.Fprintf(r.out, noApp, "stop")
		return nil
	}
	app, err := typedApp(raw)
	switch {
	case err != nil:
		return err
	case app.DeletionTimestamp != nil:
		fmt.Fprintln(r.out, "The App is being deleted, which ends the VM. To wait for that: rdd delete")
		return nil
	case !wait:
		fmt.Fprintln(r.out, "The VM is to stop. To follow it: rdd status")
		return nil
	}
	if err := r.settle(ctx, c, app, []string{"running"}, "the VM to stop", stopHint); err != nil {
		return err
	}
	fmt.Fprintln(r.out, "The VM is stopped.")
	return nil
}
