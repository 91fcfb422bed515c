// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

func createCommand(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "create",
		Short:             "Make the instance and save its arguments, without starting anything",
		Long:              "Create makes the instance. Its flags are saved and count whenever the daemon starts, and so does --log-level.",
		Example:           "  rdd service create\n  rdd --instance 3 --log-level debug service create --secure-port 7443",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := addArguments(s, cmd, "")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		inst, err := s.Instance()
		if err != nil {
			return err
		}
		created, err := flags.create(inst)
		if err != nil {
			return err
		}
		if !created {
			fmt.Fprintf(s.Out, "Instance %q exists already.\n", inst.Name)
			if s.LoggingGiven() {
				fmt.Fprintln(s.Out, "It logs as before. For one run of the daemon: rdd --log-level LEVEL service start")
			}
			return nil
		}
		fmt.Fprintf(s.Out, "successfully created %q control plane\n", inst.ControlPlane())
		fmt.Fprintf(s.Out, "Instance %q is created. To start it: rdd service start\n", inst.Name)
		return nil
	}
	return cmd
}
