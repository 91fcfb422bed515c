// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"os"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/vm/qemu/share"
)

// viewsCommand mounts directories in a mount namespace of its own and then becomes another program.
// A hostagent starts QEMU by it, so that QEMU does not see rdd's own directories in a mount.
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

// mountsCommand serves the directories of a machine's mounts by SFTP. A hostagent starts it for
// guests that have sshfs and no 9p.
func mountsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   share.ServeCommand + " guest=NAME DIRECTORIES",
		Short: "Serve directories to a guest",
		Long: "Serve-mounts answers requests of the SSH File Transfer Protocol, which come by inherited descriptors, as the JSON text " +
			"DIRECTORIES says. A hostagent starts it.",
		Example:            "  rdd " + share.ServeCommand + ` guest=dev '{"dirs":[{"path":"/home/me"}]}' 3<requests 4>answers`,
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               cobra.ExactArgs(2),
		RunE:               func(_ *cobra.Command, args []string) error { return share.Serve(args) },
	}
}
