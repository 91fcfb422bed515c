// SPDX-License-Identifier: Apache-2.0

// Package serve runs the parts of rdd that are not a client: the daemon, the hostagent of a
// machine, the views of shared directories, and an engine by hand. It is the only package of the
// command line that links them, and that knows the engines' implementations.
//
// It is tested by the scripts of internal/cli, with a fake engine, and by test/e2e.
package serve

import (
	"github.com/spf13/cobra"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// Commands returns the hidden commands: those that rdd itself starts, and rdd engine.
func Commands(s *session.Session) []*cobra.Command {
	return []*cobra.Command{hostagentCommand(s), viewsCommand(), mountsCommand(), engineCommand(s)}
}
