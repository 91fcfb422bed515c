// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// Commands are kubectl against the instance, and plain kubectl.
func Commands(s *session.Session) []*cobra.Command {
	return []*cobra.Command{ctlCommand(s), kubectlCommand(s)}
}
