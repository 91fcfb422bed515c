// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"io"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Session is what all commands of one run share. Its zero value is of use in tests only.
type Session struct {
	Streams
	// InstanceName is the value of --instance; empty: the environment's, or the default one.
	InstanceName string
	// Build is what this program is. A daemon of an older build is replaced by one of this build.
	Build version.Build
	// Engine opens the engine of an instance, for what commands do with it directly: see Ability.
	// It touches nothing yet.
	Engine func(instance.Instance) vm.Engine
	// Controllers that an instance can run, by the names that --controllers takes.
	Controllers []string
}

// Instance resolves the instance that the flags and the environment name.
func (s *Session) Instance() (instance.Instance, error) { return instance.Resolve(s.InstanceName) }

// InstanceExists reports whether the instance was ever created. A command that only asks what there
// is need not create it.
func (s *Session) InstanceExists() (bool, error) {
	inst, err := s.Instance()
	if err != nil {
		return false, err
	}
	exists, err := presence.Exists(inst)
	if err != nil {
		return false, fmt.Errorf("looking for instance %s: %w", inst.Name, err)
	}
	return exists, nil
}

// NotCreated reports whether the instance does not exist, and says so on standard output.
func (s *Session) NotCreated(inst instance.Instance) (bool, error) {
	exists, err := presence.Exists(inst)
	if err == nil && !exists {
		fmt.Fprintf(s.Out, "Instance %q does not exist. To make it: rdd service create\n", inst.Name)
	}
	return !exists, err
}
