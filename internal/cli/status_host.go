// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"

	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
)

// hostProblems are the things on the host that something is in the way of.
func hostProblems(s *session.Session, inst instance.Instance) []hostconfig.Thing {
	things, err := s.HostChanges(inst)
	if err != nil {
		return []hostconfig.Thing{{Name: "integration", Problem: err.Error()}}
	}
	return slices.DeleteFunc(things, func(t hostconfig.Thing) bool { return t.Problem == "" })
}
