// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
)

const deleteHint = "The deletion goes on. To follow it: rdd status, or rdd delete again."

func deleteCommand(s *session.Session) *cobra.Command {
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
	return session.WithWait(
		cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error { return deleteApp(ctx, s, wait) },
	)
}

func deleteApp(ctx context.Context, s *session.Session, wait bool) error {
	exists, err := s.InstanceExists()
	if err != nil {
		return err
	}
	if !exists {
		resource.NoApp(s, "delete")
		return nil
	}
	c, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	app, err := resource.App(ctx, c)
	if err != nil {
		return err
	}
	if app == nil {
		resource.NoApp(s, "delete")
		return nil
	}
	if err := ctrlclient.IgnoreNotFound(c.Delete(ctx, app, ctrlclient.Preconditions{UID: &app.UID})); err != nil {
		return fmt.Errorf("deleting the App: %w", err)
	}
	if !wait {
		fmt.Fprintln(s.Out, "Deleting the App. To follow it: rdd status")
		return nil
	}
	if err := resource.WaitAppDeleted(ctx, s, c, app, deleteHint); err != nil {
		return err
	}
	if err := undoFor(ctx, s, c); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, "The App and its VM are deleted.")
	return nil
}

// undoFor undoes what was changed on the host for the App that was deleted, unless there is a new
// App already.
func undoFor(ctx context.Context, s *session.Session, c ctrlclient.Reader) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	if app, err := resource.App(ctx, c); err != nil || app != nil {
		return err
	}
	return s.UndoHostChanges(ctx, inst)
}
