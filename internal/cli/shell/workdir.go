// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"os"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// mountedWorkdir is where the guest has the directory that this process is in; empty when it has
// not. What cannot be found out is no reason not to open a shell.
func mountedWorkdir(ctx context.Context, s *session.Session, name string) string {
	paths, err := session.Ability[vm.PathMapper](s, "say where directories are mounted")
	if err != nil {
		return ""
	}
	here, err := os.Getwd()
	if err != nil {
		return ""
	}
	dir, err := paths.GuestPath(ctx, name, here)
	if err != nil {
		return ""
	}
	return dir
}
