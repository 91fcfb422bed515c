// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// Commands returns rdd ctl, kubectl against the instance, and rdd kubectl, which is plain kubectl.
func Commands(s *session.Session) []*cobra.Command {
	return []*cobra.Command{ctlCommand(s), kubectlCommand(s)}
}
