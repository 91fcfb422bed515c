// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// applyInstance makes the instance on disk what the template says.
func (r *Reconciler) applyInstance(ctx context.Context, s *scope) reconcile.Outcome {
	switch s.phase() {
	case vm.PhaseCreating, vm.PhaseDeleting:
		return reconcile.Wait(progressText(s.state.Progress), 0)
	case vm.PhaseBroken:
		return reconcile.Stalled(limav1.ReasonCreateFailed, brokenMessage(s.state))
	case vm.PhaseIncomplete:
		if o := r.holdBack(s, limav1.ReasonCreateFailed, vm.OperationCreate); !o.IsDone() {
			return o
		}
	}
	if s.state != nil && s.state.Revision == s.revision {
		return reconcile.Done()
	}
	if o := engineOutcome(r.engine.Apply(ctx, s.spec()), limav1.ReasonCreateFailed); !o.IsDone() {
		return o
	}
	if o := r.observe(ctx, s); !o.IsDone() {
		return o
	}
	if s.state == nil || s.state.Revision != s.revision {
		return reconcile.Wait("making the instance", 0)
	}
	return reconcile.Done()
}

func (s *scope) spec() vm.Spec {
	return vm.Spec{
		Name: s.vm.Name, Owner: s.owner(), Revision: s.revision,
		Template: []byte(s.template.Data[limav1.TemplateKey]), Params: s.vm.Spec.Params,
	}
}

func brokenMessage(state *vm.State) string {
	cause := "its directory cannot be read"
	if state.Failure != nil {
		cause = state.Failure.Err.Error()
	}
	return fmt.Sprintf("the instance is broken: %s; delete the LimaVM to remove it", cause)
}
