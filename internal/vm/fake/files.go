// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"fmt"

	"rancherdesktop.io/rdd/internal/vm"
)

// LoseFile takes a file away that the next start of an instance needs. The function that it returns
// brings it back.
func (w *World) LoseFile(name, file string) (restore func()) {
	w.setLost(name, file)
	return func() { w.setLost(name, "") }
}

func (w *World) setLost(name, file string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missing[name] = file
	w.changed(name)
}

// lostFile returns the failure that the next start of an instance has for want of a file; nil: all
// are there.
func (w *World) lostFile(name string) *vm.Failure {
	file := w.missing[name]
	if file == "" {
		return nil
	}
	const hint = "bring the file back to its place"
	return &vm.Failure{Operation: vm.OperationStart, Fault: &vm.Fault{
		Kind: vm.FaultBroken, Hint: hint, Text: fmt.Sprintf("%s is missing; %s", file, hint),
	}}
}
