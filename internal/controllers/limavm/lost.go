// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// lost reports whether the instance was complete and its directory has vanished. A directory that
// rdd did not make may be in its place, such as the mount point of a volume.
func (s *scope) lost() bool {
	return s.observed && s.state == nil && s.hadInstance() && (s.foreign == nil || s.foreign.Owner.UID == "")
}

// hadInstance reports whether the instance has been complete since the last reset that was
// requested. The request is in the status before anything is deleted, so a daemon that is
// interrupted during the reset creates the instance again.
func (s *scope) hadInstance() bool {
	reset, made := s.vm.Status.MadeFor()
	return made && reset == s.noted().reset
}

// setMade notes which instance is complete. It stays in the status when that vanishes.
func (s *scope) setMade(st *limav1.LimaVMStatus) {
	st.InstanceReset, st.InstanceMade = s.vm.Status.MadeFor()
	if s.complete() && !s.state.Damaged {
		st.InstanceReset, st.InstanceMade = s.state.Incarnation, true
	}
	if !st.InstanceMade {
		st.InstanceReset = ""
	}
}

// checkLost stalls the pass when the instance is lost: it must not be made anew, with an empty
// disk, while its volume is not mounted. The pass is repeated slowly, and when the engine reports
// that the directory is back.
func (r *Reconciler) checkLost(_ context.Context, s *scope) reconcile.Outcome {
	if !s.lost() {
		return reconcile.Done()
	}
	text := "the instance directory has vanished"
	if s.foreign != nil {
		text = "the instance directory has vanished, and one that rdd did not make is in its place"
	}
	hint := fmt.Sprintf("bring the directory back, or mount its volume; to have the machine made anew with an empty disk instead: "+
		"rdd limavm reset %s", s.vm.Name)
	o := s.stall(vm.OperationCreate, &vm.Fault{Kind: vm.FaultBroken, Hint: hint, Text: text})
	o.Reason, o.Message = limav1.ReasonInstanceLost, text+"; "+hint
	return o
}
