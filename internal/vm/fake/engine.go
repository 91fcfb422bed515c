// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"rancherdesktop.io/rdd/internal/vm"
)

// Engine drives a World as one daemon does.
type Engine struct {
	world *World
}

var (
	_ vm.Engine          = &Engine{}
	_ vm.GuestRunner     = &Engine{}
	_ vm.DirectoryReader = &Engine{}
	_ vm.Adopter         = &Engine{}
	_ vm.Renamer         = &Engine{}
)

// World is the host that the engine works on.
func (e *Engine) World() *World { return e.world }

// Observe implements vm.Engine.
func (e *Engine) Observe(ctx context.Context, name string) (state vm.State, err error) {
	err = e.world.call(ctx, "Observe", name, func() error {
		i := e.world.instances[name]
		if i == nil {
			return vm.ErrNotFound
		}
		state = e.world.state(name, i)
		return nil
	})
	return state, err
}

// List implements vm.Engine.
func (e *Engine) List(ctx context.Context) (states []vm.State, err error) {
	err = e.world.call(ctx, "List", "", func() error {
		for _, name := range slices.Sorted(maps.Keys(e.world.instances)) {
			states = append(states, e.world.state(name, e.world.instances[name]))
		}
		return nil
	})
	return states, err
}

// Apply implements vm.Engine.
func (e *Engine) Apply(ctx context.Context, spec vm.Spec) error {
	return e.world.call(ctx, "Apply", spec.Name, func() error {
		if err := e.world.check(spec); err != nil {
			return err
		}
		i := e.world.instances[spec.Name]
		if i == nil {
			i = &instance{spec: spec}
			e.world.instances[spec.Name] = i
			delete(e.world.lost, spec.Name) // its place is taken
		} else if err := i.claim(&spec); err != nil {
			return err
		}
		return e.apply(i, spec)
	})
}

// claim checks that the owner of spec may change the instance: it is the owner, or adopts from it.
// The incarnation changes only when the owner does.
func (i *instance) claim(spec *vm.Spec) error {
	adopted := spec.AdoptFrom != "" && i.spec.Owner.UID == spec.AdoptFrom
	if err := i.ownedBy(spec.Owner, spec.Name); err == nil {
		spec.Incarnation = i.spec.Incarnation
	} else if !adopted {
		return err
	}
	return nil
}

// apply stores a spec, and begins to create the instance when it is incomplete.
func (e *Engine) apply(i *instance, spec vm.Spec) error {
	if i.phase() == vm.PhaseDeleting {
		return vm.ErrBusy
	}
	spec.Template, spec.Params = slices.Clone(spec.Template), maps.Clone(spec.Params)
	i.spec = spec
	if i.phase() == vm.PhaseIncomplete {
		i.work = &work{operation: vm.OperationCreate, of: e.world.steps.Create, since: e.world.now()}
		i.clear(vm.OperationCreate)
	}
	return nil
}

// Start implements vm.Engine.
func (e *Engine) Start(ctx context.Context, owner vm.Owner, name string) error {
	return e.world.call(ctx, "Start", name, func() error {
		i, err := e.world.owned(owner, name)
		if err != nil {
			return err
		}
		switch i.phase() {
		case vm.PhaseStarting, vm.PhaseRunning:
			i.machine.orphaned = false
			i.machine.resume()
			return nil
		case vm.PhaseStopped:
			if f := e.world.lostFile(name); f != nil {
				return f.Fault
			}
			e.start(i)
			return nil
		default:
			return vm.ErrBusy
		}
	})
}

// start makes a new machine of a stopped instance.
func (e *Engine) start(i *instance) {
	e.world.starts++
	i.clear(vm.OperationStart, vm.OperationRun)
	i.machine = &machine{
		phase: vm.PhaseStarting, of: e.world.steps.Boot, since: e.world.now(), revision: i.spec.Revision, message: i.message(),
		startID: fmt.Sprintf("start-%d", e.world.starts), port: 40000 + e.world.starts,
	}
}

// Stop implements vm.Engine.
func (e *Engine) Stop(ctx context.Context, owner vm.Owner, name string, mode vm.StopMode) error {
	return e.world.call(ctx, "Stop", name, func() error {
		i, err := e.world.owned(owner, name)
		if err != nil || i.machine == nil || i.work != nil {
			return err
		}
		i.machine.orphaned = false
		if i.machine.phase != vm.PhaseStopping {
			i.clear(vm.OperationStop)
			i.machine.phase, i.machine.since, i.machine.pause = vm.PhaseStopping, e.world.now(), nil
			i.machine.step, i.machine.of = 0, e.world.steps.Stop
		}
		if mode == vm.StopForce {
			i.machine.step = i.machine.of
		}
		return nil
	})
}

// Delete implements vm.Engine.
func (e *Engine) Delete(ctx context.Context, owner vm.Owner, name string) error {
	return e.world.call(ctx, "Delete", name, func() error {
		i := e.world.instances[name]
		if i == nil {
			return nil
		}
		if err := i.ownedBy(owner, name); err != nil {
			return err
		}
		e.delete(i)
		return nil
	})
}

// delete begins to delete an instance.
func (e *Engine) delete(i *instance) {
	if i.phase() != vm.PhaseDeleting {
		i.clear(vm.OperationDelete)
		i.work = &work{operation: vm.OperationDelete, of: e.world.steps.Delete, since: e.world.now()}
	}
}

// owned finds an instance on behalf of its owner.
func (w *World) owned(owner vm.Owner, name string) (*instance, error) {
	i := w.instances[name]
	if i == nil {
		return nil, vm.ErrNotFound
	}
	return i, i.ownedBy(owner, name)
}

func (i *instance) ownedBy(owner vm.Owner, name string) error {
	if i.damaged {
		return damage(name)
	}
	if i.spec.Owner.UID == "" || i.spec.Owner.UID != owner.UID {
		return &vm.NameTakenError{Name: name, Owner: i.spec.Owner}
	}
	return nil
}

// label is a DNS label (RFC 1123).
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// check refuses what no engine can honour; World.Refuse adds to it.
func (w *World) check(spec vm.Spec) error {
	if err := checkName(spec.Name, spec.Owner); err != nil {
		return err
	}
	if len(spec.Template) == 0 {
		return &vm.InvalidSpecError{Field: "template", Reason: "cannot be empty"}
	}
	return w.plan.refusal(spec.Template)
}

// checkName refuses what cannot be an instance's name, and an owner without UID.
func checkName(name string, owner vm.Owner) error {
	switch {
	case !label.MatchString(name):
		return &vm.InvalidSpecError{Field: "name", Reason: fmt.Sprintf("must be a DNS label, got %q", name)}
	case owner.UID == "":
		return &vm.InvalidSpecError{Field: "owner", Reason: "must have a uid"}
	default:
		return nil
	}
}
