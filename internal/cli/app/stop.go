// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
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
	return session.WithWait(
		cmd, session.ChangeTimeout, func(ctx context.Context, _ []string, wait bool) error { return resource.StopApp(ctx, s, wait) },
	)
}
