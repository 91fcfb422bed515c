// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
)

// errGuestDied is the failure of a guest that ended without being asked to.
var errGuestDied = &vm.Fault{Kind: vm.FaultProcessEnded, Text: "the guest ended by itself"}

// advance moves the background work of one instance on by a step; false when there is none. A
// machine without hostagent has none.
func (w *World) advance(name string, i *instance) bool {
	switch {
	case i.work != nil && i.work.operation == vm.OperationDelete:
		w.advanceDelete(name, i)
	case i.work != nil:
		w.advanceCreate(i)
	case i.machine != nil && i.machine.orphaned:
		return false
	case i.machine != nil && i.machine.pause != nil && i.machine.phase == vm.PhaseStarting:
		return false
	case i.machine != nil && i.machine.phase == vm.PhaseStarting:
		w.advanceBoot(i)
	case i.machine != nil && i.machine.phase == vm.PhaseStopping:
		w.advanceStop(i)
	default:
		return false
	}
	return true
}

// advanceCreate completes the directory at its last step.
func (w *World) advanceCreate(i *instance) {
	i.work.step++
	if err := w.plan.take(vm.OperationCreate); err != nil {
		i.work = nil
		w.fail(i, vm.OperationCreate, err)
		return
	}
	if i.work.step >= i.work.of {
		i.work, i.complete = nil, true
		i.clear(vm.OperationCreate)
	}
}

// advanceBoot takes a starting machine to Running at its last step; only then it has a boot ID.
func (w *World) advanceBoot(i *instance) {
	i.machine.step++
	if err := w.plan.take(vm.OperationStart); err != nil {
		i.machine = nil
		w.fail(i, vm.OperationStart, err)
		return
	}
	if i.machine.step >= i.machine.of {
		i.machine.phase = vm.PhaseRunning
		i.machine.bootID = fmt.Sprintf("boot-%s", i.machine.startID)
		i.clear(vm.OperationStart)
	}
}

// advanceStop ends a stopping machine at its last step. A stop that fails leaves it running.
func (w *World) advanceStop(i *instance) {
	i.machine.step++
	if err := w.plan.take(vm.OperationStop); err != nil {
		i.machine.phase = vm.PhaseRunning
		w.fail(i, vm.OperationStop, err)
		return
	}
	if i.machine.step >= i.machine.of {
		i.machine = nil
		i.clear(vm.OperationStop)
	}
}

// advanceDelete ends the machine first and removes the directory last.
func (w *World) advanceDelete(name string, i *instance) {
	i.work.step++
	if err := w.plan.take(vm.OperationDelete); err != nil {
		i.work = nil
		w.fail(i, vm.OperationDelete, err)
		return
	}
	i.machine = nil
	if i.work.step >= i.work.of {
		delete(w.instances, name)
		if i.damaged {
			w.aside = append(w.aside, name)
		}
	}
}

// fail records how an operation ended.
func (w *World) fail(i *instance, operation vm.Operation, err error) {
	i.failure = &vm.Failure{Operation: operation, Fault: vm.FaultOf(err), At: w.now()}
}

// clear drops the failure of operations that have begun again or succeeded.
func (i *instance) clear(operations ...vm.Operation) {
	for _, operation := range operations {
		if i.failure != nil && i.failure.Operation == operation {
			i.failure = nil
		}
	}
}
