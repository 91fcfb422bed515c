// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	"rancherdesktop.io/rdd/internal/cli/session"
)

const stopHint = "The stop goes on. To follow it: rdd status, or rdd stop again."

// NoApp prints on standard output that there is no App to which verb could be done.
func NoApp(s *session.Session, verb string) {
	fmt.Fprintf(s.Out, "App \"app\" does not exist: there is nothing to %s. To make it: rdd start\n", verb)
}

// StopApp sets spec.running to false and, with wait, waits until the App has settled. It prints the
// result. That there is no App is no error.
func StopApp(ctx context.Context, s *session.Session, wait bool) error {
	exists, err := s.InstanceExists()
	if err != nil {
		return err
	}
	if !exists {
		NoApp(s, "stop")
		return nil
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	raw, err := PatchApp(ctx, c, runningSpec(false))
	if err != nil {
		return err
	}
	if raw == nil {
		NoApp(s, "stop")
		return nil
	}
	app, err := TypedApp(raw)
	switch {
	case err != nil:
		return err
	case app.DeletionTimestamp != nil:
		fmt.Fprintln(s.Out, "The App is being deleted, which ends the VM. To wait for that: rdd delete")
		return nil
	case !wait:
		fmt.Fprintln(s.Out, "Stopping the VM. To follow it: rdd status")
		return nil
	}
	if err := SettleApp(ctx, s, c, app, []string{"running"}, "the VM to stop", stopHint); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "The VM is stopped.")
	return nil
}
