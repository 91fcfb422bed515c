// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"

	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// stopUnwanted stops a machine that should not run. The step comes before all that write to the API
// and before those about the template: neither a full store nor a refused template keeps a machine
// running.
func (r *Reconciler) stopUnwanted(ctx context.Context, s *scope) reconcile.Outcome {
	if s.vm.Spec.Running {
		return reconcile.Done()
	}
	switch s.phase() {
	case vm.PhaseStarting, vm.PhaseRunning:
		return r.stop(ctx, s, "stopping the machine")
	case vm.PhaseStopping:
		return r.escalateStop(ctx, s)
	default:
		return reconcile.Done()
	}
}

// escalateStop kills a machine that is shutting down, if a forced stop was requested.
func (r *Reconciler) escalateStop(ctx context.Context, s *scope) reconcile.Outcome {
	if s.stopMode() != vm.StopForce {
		return reconcile.Done()
	}
	return r.stop(ctx, s, "ending the machine by force")
}

// ensureRunning starts a machine that should run, and restarts one that runs another revision.
func (r *Reconciler) ensureRunning(ctx context.Context, s *scope) reconcile.Outcome {
	if !s.vm.Spec.Running {
		return reconcile.Done()
	}
	switch s.phase() {
	case vm.PhaseStopped:
		if o := r.holdBack(s, vm.OperationStart, vm.OperationRun); !o.IsDone() {
			return o
		}
		return r.start(ctx, s)
	case vm.PhaseStarting, vm.PhaseRunning:
		// It is not known for a moment while what the machine does is written again.
		if s.state.RunningRevision != "" && s.state.RunningRevision != s.revision {
			return r.stop(ctx, s, "restarting into the changed template")
		}
		if s.paused() && s.retryRequested(nil) {
			return r.start(ctx, s)
		}
		// A machine that has lost its hostagent is adopted in the background: see adoptMachines.
		return reconcile.Done()
	case vm.PhaseStopping:
		if o := r.escalateStop(ctx, s); !o.IsDone() {
			return o
		}
	}
	return reconcile.Wait(progressText(s.state.Progress), 0)
}

func (r *Reconciler) start(ctx context.Context, s *scope) reconcile.Outcome {
	s.acted = true
	if o := s.engineOutcome(vm.OperationStart, r.engine.Start(ctx, s.owner(), s.vm.Name)); !o.IsDone() {
		return o
	}
	return reconcile.Wait("starting the machine", 0)
}

func (r *Reconciler) stop(ctx context.Context, s *scope, why string) reconcile.Outcome {
	if o := r.holdBack(s, vm.OperationStop); !o.IsDone() {
		return o
	}
	s.acted = true
	err := r.engine.Stop(ctx, s.owner(), s.vm.Name, s.stopMode())
	if err != nil && !errors.Is(err, vm.ErrNotFound) {
		return s.engineOutcome(vm.OperationStop, err)
	}
	return reconcile.Wait(why, 0)
}
