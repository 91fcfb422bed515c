// SPDX-License-Identifier: Apache-2.0

package service

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/daemon/presence"
)

func serveCommand(s *session.Session, serve Serve) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "serve",
		Short:             "Run the daemon in the foreground",
		Example:           "  rdd service serve\n  rdd --log-level debug service serve --controllers lima",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := addArguments(s, cmd, " in this run")
	background := cmd.Flags().Bool("background", false, "report to the process that started the daemon")
	_ = cmd.Flags().MarkHidden("background") // fails only for a flag that does not exist
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		return serve(cmd.Context(), inst, *background, func() (presence.Arguments, error) {
			if err := flags.ensure(inst); err != nil {
				return presence.Arguments{}, err
			}
			return flags.forRun(inst)
		})
	}
	return cmd
}
