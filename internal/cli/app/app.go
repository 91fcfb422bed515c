// SPDX-License-Identifier: Apache-2.0

package app

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// Commands returns the commands of the App and its VM, which are at the root of the tree.
func Commands(s *session.Session) []*cobra.Command {
	return []*cobra.Command{
		startCommand(s), stopCommand(s), setCommand(s), resetCommand(s), deleteCommand(s),
		shellCommand(s), runCommand(s), statusCommand(s),
	}
}
