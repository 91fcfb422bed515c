// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// readers are the commands that make nothing where the daemon runs or there is no instance.
var readers = []string{
	"status", "why", "version", "help", "kubectl", "completion",
	"service status", "service paths", "service logs", "service config",
	"limavm list", "limavm logs", "limavm show-ssh", "limavm template validate", "limavm disk list",
	"image list", "integration list",
}

// checkOwners makes all commands below group refuse to run in the home of another user, but those
// that only read and those that rdd starts itself. They would leave what that user cannot remove.
func checkOwners(s *session.Session, group *cobra.Command) {
	for _, cmd := range group.Commands() {
		_, path, _ := strings.Cut(cmd.CommandPath(), " ")
		if cmd.Hidden || slices.Contains(readers, path) {
			continue
		}
		if cmd.HasSubCommands() {
			checkOwners(s, cmd)
			continue
		}
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := s.CheckOwners(); err != nil {
				return err
			}
			return run(cmd, args)
		}
	}
}
