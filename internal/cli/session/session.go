// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"slices"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
	"rancherdesktop.io/rdd/internal/vm"
)

// InstanceFlag is rdd's own flag that names the instance.
const InstanceFlag = "instance"

// ErrMisplacedInstance says that --instance was given to a subcommand.
var ErrMisplacedInstance = errors.New(
	"--" + InstanceFlag + " belongs right after rdd, before the command: rdd --" + InstanceFlag + " NAME …",
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
	// Controllers are those that --controllers can name.
	Controllers presence.Known

	logging logFlags
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

// Reporting returns the session for steps of a command whose own result comes after: what they
// print as a result is progress of it.
func (s *Session) Reporting() *Session {
	steps := *s
	steps.Out = s.Err
	return &steps
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

// Lacking returns an error when one of the controllers does not run in the instance: then nobody
// does what is asked of it. It says what to do.
func (s *Session) Lacking(controllers ...string) error {
	inst, err := s.Instance()
	if err != nil {
		return err
	}
	enabled, err := s.Enabled(inst)
	if err != nil {
		return err
	}
	for _, name := range controllers {
		switch {
		case !slices.Contains(s.Controllers.Names, name) || slices.Contains(enabled.Names, name):
		case enabled.ThisRun:
			return fmt.Errorf("nobody acts on that: the daemon was started without the controller %q; "+
				"to start it with all that the instance has: rdd service stop, then rdd service start", name)
		default:
			return fmt.Errorf("nobody acts on that: instance %q was made without the controller %q; "+
				"use an instance that has it: rdd --instance NAME …", inst.Name, name)
		}
	}
	return nil
}

// Enabled are controllers that act.
type Enabled struct {
	// Names of the controllers.
	Names []string
	// ThisRun says that the daemon was started with others than the instance has.
	ThisRun bool
}

// Enabled returns the controllers that the running daemon of an instance runs, or else those that
// the next one will.
func (s *Session) Enabled(inst instance.Instance) (Enabled, error) {
	arguments, _, err := presence.LoadArguments(inst)
	if err != nil {
		return Enabled{}, err
	}
	saved, err := s.Controllers.Select(arguments.Controllers)
	if err != nil {
		return Enabled{}, fmt.Errorf("the controllers of instance %q: %w", inst.Name, err)
	}
	state, record, err := client.Find(inst)
	if err != nil || state != client.Running || record.Controllers == nil {
		return Enabled{Names: saved}, nil // what cannot be found is said by whoever connects to it
	}
	return Enabled{Names: record.Controllers, ThisRun: !slices.Equal(record.Controllers, saved)}, nil
}
