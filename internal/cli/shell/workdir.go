// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"context"
	"os"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// mountedWorkdir returns the path in the guest of this process's working directory; empty when the
// guest does not have it. It returns no error: a shell is opened all the same.
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
