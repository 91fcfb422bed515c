// SPDX-License-Identifier: Apache-2.0

package app

import (
	"github.com/spf13/cobra"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/shell"
)

func shellCommand(s *session.Session) *cobra.Command {
	o := shell.Options{Name: appv1.LimaVMName, Start: "rdd start"}
	cmd := &cobra.Command{
		Use:   "shell [CMD…]",
		Short: "Run a shell or a command in the VM",
		Long:  "Shell runs a command in the App's VM, which must be running.\n\n" + shell.Help,
		Example: `  rdd shell
  rdd shell uname -a
  rdd shell 'cd /tmp && ls | wc -l'
  rdd shell --workdir /etc cat os-release > os-release`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Args = args
			return shell.Run(cmd.Context(), s, o)
		},
	}
	shell.AddFlags(cmd, &o)
	return cmd
}
