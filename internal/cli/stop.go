// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

const (
	stopHint = "The stop goes on. To follow it: rdd status, or rdd stop again."
	noApp    = "App \"app\" does not exist: there is nothing to %s. To make it: rdd start\n"
)

func stopCommand(s *session.Session) *cobra.Command {
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
	return session.WithWait(cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error { return stopApp(ctx, s, wait) })
}

func stopApp(ctx context.Context, s *session.Session, wait bool) error {
	exists, err := s.InstanceExists()
	if err != nil {
		return err
	}
	if !exists {
		fmt.Fprintf(s.Out, noApp, "stop")
		return nil
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	raw, err := patchApp(ctx, c, runningSpec(false))
	if err != nil {
		return err
	}
	if raw == nil {
		fmt.Fprintf(s.Out, noApp, "stop")
		return nil
	}
	app, err := typedApp(raw)
	switch {
	case err != nil:
		return err
	case app.DeletionTimestamp != nil:
		fmt.Fprintln(s.Out, "The App is being deleted, which ends the VM. To wait for that: rdd delete")
		return nil
	case !wait:
		fmt.Fprintln(s.Out, "The VM is to stop. To follow it: rdd status")
		return nil
	}
	if err := settle(ctx, s, c, app, []string{"running"}, "the VM to stop", stopHint); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "The VM is stopped.")
	return nil
}
