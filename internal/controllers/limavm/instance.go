// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// applyInstance creates or changes the instance on disk to what the template says.
func (r *Reconciler) applyInstance(ctx context.Context, s *scope) reconcile.Outcome {
	tried, known := r.tried.get(s.vm.UID)
	s.changed = known && tried != s.revision
	switch s.phase() {
	case vm.PhaseCreating, vm.PhaseDeleting:
		return reconcile.Wait(progressText(s.state.Progress), 0)
	case vm.PhaseBroken:
		fault := broken(s.state)
		o := s.stall(vm.OperationCreate, fault)
		o.Message = strings.TrimSuffix(fault.Text+"; "+fault.Hint, "; ")
		return o
	case vm.PhaseIncomplete:
		if o := r.holdBack(s, vm.OperationCreate); !o.IsDone() {
			return o
		}
	}
	if s.state != nil && s.state.Revision == s.revision {
		return reconcile.Done()
	}
	adoptFrom, err := r.formerOwner(ctx, s)
	if err != nil {
		return reconcile.Retry(err)
	}
	if o := s.engineOutcome(vm.OperationCreate, r.engine.Apply(ctx, s.spec(adoptFrom))); !o.IsDone() {
		return o
	}
	r.tried.set(s.vm.UID, s.revision)
	if o := r.observe(ctx, s); !o.IsDone() {
		return o
	}
	if s.state == nil || s.state.Revision != s.revision {
		return reconcile.Wait("making the instance", 0)
	}
	return reconcile.Done()
}

func (s *scope) spec(adoptFrom string) vm.Spec {
	return vm.Spec{
		Name: s.vm.Name, Owner: s.owner(), Revision: s.revision,
		Template: []byte(s.template.Data[limav1.TemplateKey]), Params: s.vm.Spec.Params,
		Incarnation: s.vm.Status.LastResetRequest, AdoptFrom: adoptFrom,
	}
}

// formerOwner returns the UID of the LimaVM from which the instance directory is adopted. The
// annotation names it, and no LimaVM with that UID may exist. Empty means that nothing is adopted.
func (r *Reconciler) formerOwner(ctx context.Context, s *scope) (string, error) {
	uid := s.vm.Annotations[limav1.AnnotationAdoptFrom]
	_, _, renaming := limav1.RenamedFrom(s.vm)
	if uid == "" || renaming || s.foreign == nil || s.foreign.Owner.UID != uid {
		return "", nil
	}
	former := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: s.foreign.Owner.Namespace, Name: s.foreign.Owner.Name}}
	found, err := reconcile.Find(ctx, r.client, former)
	if err != nil {
		return "", fmt.Errorf("looking for the former owner of the instance: %w", err)
	}
	if found && string(former.UID) == uid {
		return "", nil
	}
	return uid, nil
}

// broken returns the fault of an instance whose directory cannot be read or used. The hint is the
// engine's, which knows what is damaged.
func broken(state *vm.State) *vm.Fault {
	fault := vm.Fault{Text: "its directory cannot be read"}
	if state.Failure != nil {
		fault = *state.Failure.Fault
	}
	fault.Kind, fault.Text = vm.FaultBroken, "the instance is broken: "+fault.Text
	if state.Damaged {
		fault.Hint += "; a deletion of the LimaVM moves the directory out of the way and keeps its disk"
	}
	fault.Hint = strings.TrimPrefix(fault.Hint, "; ")
	return &fault
}
