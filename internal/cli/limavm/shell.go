// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/resource"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/cli/shell"
)

func shellCommand(s *session.Session) *cobra.Command {
	o := shell.Options{}
	cmd := &cobra.Command{
		Use:   "shell NAME [CMD…]",
		Short: "Run a shell or a command in a virtual machine",
		Long:  "Shell runs a command in a virtual machine, which must be running.\n\n" + shell.Help,
		Example: `  rdd limavm shell dev
  rdd limavm shell dev journalctl -b
  rdd limavm shell --workdir /srv dev make
  rdd limavm shell --shell /bin/zsh dev`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: resource.CompleteVM(s),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name, o.Start, o.Args = args[0], "rdd limavm start "+args[0], shell.AfterName(args)
			return shell.Run(cmd.Context(), s, o)
		},
	}
	shell.AddFlags(cmd, &o)
	return cmd
}
