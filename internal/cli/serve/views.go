// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"os"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/vm/qemu/share"
)

// viewsCommand is what a hostagent starts where QEMU must not see all that a mount contains; it
// becomes QEMU.
func viewsCommand() *cobra.Command {
	return &cobra.Command{
		Use:                share.ViewCommand + " MOUNTS PROGRAM [ARG…]",
		Short:              "Run a program that sees views of shared directories",
		Long:               "With-views mounts directories privately, as the JSON text MOUNTS says, and becomes PROGRAM. A hostagent starts it.",
		Example:            "  rdd " + share.ViewCommand + ` '[{"source":"/home/me","target":"/mnt"},{"target":"/mnt/.rd2"}]' /bin/ls /mnt`,
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.MinimumNArgs(2),
		RunE:               func(_ *cobra.Command, args []string) error { return share.Exec(args, os.Environ()) },
	}
}
