// SPDX-License-Identifier: Apache-2.0

package session

import (
	"fmt"
	"slices"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
)

// Session is what all commands of one run of the program share. Its zero value is for tests only.
type Session struct {
	Streams
	// InstanceName is the value of --instance; empty: the environment's, or the default one.
	InstanceName string
	// AsRoot is the value of --as-root.
	AsRoot bool
	// Build is the build of this program. A daemon of an older build is replaced by one of this build.
	Build version.Build
	// Engine opens the engine of an instance, for what commands do with it directly: see Ability.
	// Opening reads and changes nothing.
	Engine func(instance.Instance) vm.Engine
	// Controllers are the names that --controllers accepts.
	Controllers []string
}

// Instance returns the instance that the flags and the environment name. Links to its directories
// that somebody has removed are there again. The error says that the name is no valid one, that the
// user's directories are not known, or that a link cannot be made.
func (s *Session) Instance() (instance.Instance, error) {
	inst, err := instance.Resolve(s.InstanceName)
	if err != nil {
		return inst, err
	}
	inst.AsRoot = s.AsRoot
	if inst.CheckOwners() != nil {
		return inst, nil // the links are made by their owner's commands
	}
	return inst, inst.Relink()
}

// CheckOwners returns an *instance.OwnerError when this user must make nothing where the instance
// is.
func (s *Session) CheckOwners() error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	return inst.CheckOwners()
}

// CheckSocketPaths returns an error when the instance's directories are too long paths for VMs.
func (s *Session) CheckSocketPaths() error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	return inst.CheckSocketPaths()
}

// InstanceExists reports whether the instance was created. A command that only reads asks this
// first, because Connect would create the instance.
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

// NotCreated reports whether inst does not exist, and prints that on standard output.
func (s *Session) NotCreated(inst instance.Instance) (bool, error) {
	exists, err := presence.Exists(inst)
	if err == nil && !exists {
		fmt.Fprintf(s.Out, "Instance %q does not exist. To make it: rdd service create\n", inst.Name)
	}
	return !exists, err
}

// Lacking returns an error when the instance was made without one of the controllers: then nobody
// does what is asked of it. It says what to do.
func (s *Session) Lacking(controllers ...string) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	arguments, _, err := presence.LoadArguments(inst)
	if err != nil {
		return err
	}
	enabled, err := presence.SelectControllers(arguments.Controllers, s.Controllers)
	if err != nil {
		return fmt.Errorf("the controllers of instance %q: %w", inst.Name, err)
	}
	for _, name := range controllers {
		if slices.Contains(s.Controllers, name) && !slices.Contains(enabled, name) {
			return fmt.Errorf("nobody acts on that: instance %q was made without the controller %q; "+
				"use an instance that has it: rdd --instance NAME …", inst.Name, name)
		}
	}
	return nil
}
