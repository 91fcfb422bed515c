// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// Command is `rdd integration`.
func Command(s *session.Session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "integration",
		Short: "See and undo what rdd changes on this host for docker to find the VM",
		Long: `For docker, compose, testcontainers and SDKs to find the VM's Docker, rdd changes three things outside its own directories:

  docker-context           a docker context rancher-desktop-INSTANCE, for as long as there is an App
  docker-current-context   docker's current context, only when no engine answers where the present one leads
  docker-socket            a link /var/run/docker.sock to the VM's socket, only on request

All of it goes with the App, and what was there before comes back. What rdd did not make is left alone.`,
		Example: "  rdd integration list\n  rdd integration off",
	}
	cmd.AddCommand(listCommand(s), offCommand(s), onCommand(s))
	return cmd
}
