// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// An API object cannot be renamed. A machine gets another name by a LimaVM of that name, which is
// created for it (limav1.AnnotationRenameFrom) and whose controller does these steps:
//
//	copies the template of the former LimaVM   the former LimaVM is unchanged
//	renames the instance (vm.Renamer)          one step, after which the machine is the new LimaVM's
//	marks itself as renamed                    the machine stays with it
//	deletes the former LimaVM                  which has no instance any more
//	removes the annotations
//
// Each step is repeated after a crash. A deletion of the new LimaVM takes the second step back,
// unless the third was done. So there is always exactly one LimaVM that has the machine.

// renaming returns the renaming that the LimaVM was created for; false when there is none, or it is
// finished.
func (s *scope) renaming() (vm.Renaming, bool) {
	name, uid, asked := limav1.RenamedFrom(s.vm)
	return vm.Renaming{
		Name: name, Owner: vm.Owner{UID: uid, Namespace: s.vm.Namespace, Name: name},
		NewName: s.vm.Name, NewOwner: s.owner(),
	}, asked
}

// former returns the LimaVM whose machine is renamed; nil when it does not exist any more.
func (r *Reconciler) former(ctx context.Context, renaming vm.Renaming) (*limav1.LimaVM, error) {
	former := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: renaming.Owner.Namespace, Name: renaming.Name}}
	found, err := reconcile.Find(ctx, r.client, former)
	if err != nil {
		return nil, fmt.Errorf("reading LimaVM %q: %w", renaming.Name, err)
	}
	if !found || string(former.UID) != renaming.Owner.UID {
		return nil, nil
	}
	return former, nil
}

// renameInstance gives the instance of the former LimaVM to this one. No instance is made for a
// LimaVM that was created for another's.
func (r *Reconciler) renameInstance(ctx context.Context, s *scope) reconcile.Outcome {
	renaming, asked := s.renaming()
	if !asked {
		return reconcile.Done()
	}
	former, err := r.former(ctx, renaming)
	if err != nil {
		return reconcile.Retry(err)
	}
	if s.state == nil && former != nil {
		if o := s.awaitFormer(former); !o.IsDone() {
			return o
		}
	}
	err = r.rename(ctx, renaming)
	if errors.Is(err, vm.ErrNotFound) {
		return s.noFormerInstance(renaming, former)
	}
	if o := s.engineOutcome(vm.OperationCreate, err); !o.IsDone() {
		return o
	}
	if o := r.observe(ctx, s); !o.IsDone() {
		return o
	}
	if s.state == nil {
		return reconcile.Wait("renaming the instance", busyRetry)
	}
	return reconcile.Done()
}

// rename calls the engine. An engine that cannot rename refuses every name.
func (r *Reconciler) rename(ctx context.Context, renaming vm.Renaming) error {
	renamer, ok := r.engine.(vm.Renamer)
	if !ok {
		return &vm.InvalidSpecError{Reason: "this engine cannot rename instances"}
	}
	return renamer.Rename(ctx, renaming)
}

// awaitFormer waits while the former LimaVM is to run, or is being deleted. Admission has refused
// both; they may have been asked for since.
func (s *scope) awaitFormer(former *limav1.LimaVM) reconcile.Outcome {
	switch {
	case !former.DeletionTimestamp.IsZero():
		return reconcile.Wait(fmt.Sprintf("LimaVM %s is being deleted", former.Name), busyRetry)
	case former.Spec.Running:
		return reconcile.Wait(fmt.Sprintf("waiting for LimaVM %s to be stopped: rdd limavm stop %s", former.Name, former.Name), busyRetry)
	default:
		return reconcile.Done()
	}
}

// noFormerInstance is the outcome when there is no instance to rename. That of a former LimaVM may
// come back; when there is none either, nothing is left to wait for.
func (s *scope) noFormerInstance(renaming vm.Renaming, former *limav1.LimaVM) reconcile.Outcome {
	if former != nil {
		return reconcile.Wait(fmt.Sprintf("waiting for the instance of LimaVM %s", renaming.Name), busyRetry)
	}
	return s.stall(vm.OperationCreate, &vm.Fault{
		Kind: vm.FaultBroken, Hint: "rdd limavm delete " + s.vm.Name,
		Text: fmt.Sprintf("LimaVM %s, whose machine was to be renamed, was deleted with it", renaming.Name),
	})
}

// finishRenaming deletes the former LimaVM, whose machine this one has, and removes the
// annotations. Before, it marks the renaming as final. That fails with a conflict if this LimaVM
// was deleted since it was read: then the machine goes back to the former one, which must still be
// there.
func (r *Reconciler) finishRenaming(ctx context.Context, s *scope) reconcile.Outcome {
	renaming, asked := s.renaming()
	if !asked {
		return reconcile.Done()
	}
	if !renamingFinal(s.vm) {
		if err := r.annotate(ctx, s.vm, func(all map[string]string) { all[limav1.AnnotationRenamed] = "true" }); err != nil {
			return reconcile.Retry(err)
		}
	}
	if err := r.deleteFormer(ctx, renaming); err != nil {
		return reconcile.Retry(err)
	}
	s.renamedFrom = renaming.Name
	return reconcile.RetryIf(r.annotate(ctx, s.vm, func(all map[string]string) {
		for _, annotation := range []string{limav1.AnnotationRenameFrom, limav1.AnnotationAdoptFrom, limav1.AnnotationRenamed} {
			delete(all, annotation)
		}
	}))
}

// renamingFinal reports whether the machine stays with the LimaVM that was created for it.
func renamingFinal(limaVM *limav1.LimaVM) bool {
	return limaVM.Annotations[limav1.AnnotationRenamed] == "true"
}

// annotate changes the annotations of a LimaVM that has some. It fails with a conflict when the
// LimaVM has changed since it was read.
func (r *Reconciler) annotate(ctx context.Context, limaVM *limav1.LimaVM, change func(map[string]string)) error {
	patch := client.MergeFromWithOptions(limaVM.DeepCopy(), client.MergeFromWithOptimisticLock{})
	change(limaVM.Annotations)
	return r.client.Patch(ctx, limaVM, patch)
}

// deleteFormer begins to delete the former LimaVM, if it exists.
func (r *Reconciler) deleteFormer(ctx context.Context, renaming vm.Renaming) error {
	former, err := r.former(ctx, renaming)
	if err != nil || former == nil || !former.DeletionTimestamp.IsZero() {
		return err
	}
	if err := r.client.Delete(ctx, former, client.Preconditions{UID: &former.UID}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting LimaVM %q: %w", former.Name, err)
	}
	return nil
}

// undoRenaming gives the instance back to the former LimaVM, if that is there, when this one is
// deleted before the renaming was final. Afterwards it deletes the former LimaVM first.
func (r *Reconciler) undoRenaming(ctx context.Context, s *scope) reconcile.Outcome {
	renaming, asked := s.renaming()
	if !asked || s.state == nil {
		return reconcile.Done()
	}
	if renamingFinal(s.vm) {
		return reconcile.RetryIf(r.deleteFormer(ctx, renaming))
	}
	former, err := r.former(ctx, renaming)
	if err != nil {
		return reconcile.Retry(err)
	}
	if former == nil || !former.DeletionTimestamp.IsZero() {
		return reconcile.Done()
	}
	back := vm.Renaming{Name: renaming.NewName, Owner: renaming.NewOwner, NewName: renaming.Name, NewOwner: renaming.Owner}
	if o := s.engineOutcome(vm.OperationDelete, r.rename(ctx, back)); !o.IsDone() {
		return o
	}
	return r.observe(ctx, s)
}

// awaitRenaming waits while the instance has another LimaVM's name: it is not lost then.
func (r *Reconciler) awaitRenaming(ctx context.Context, s *scope) reconcile.Outcome {
	if !s.lost() {
		return reconcile.Done()
	}
	var all limav1.LimaVMList
	if err := r.client.List(ctx, &all, client.InNamespace(s.vm.Namespace)); err != nil {
		return reconcile.Retry(fmt.Errorf("looking for the LimaVM that has the machine: %w", err))
	}
	next := nextOf(all.Items, s.vm.Name, s.vm.UID)
	if next == nil {
		return reconcile.Done()
	}
	return reconcile.Wait(fmt.Sprintf("the machine is LimaVM %s's now", next.Name), busyRetry)
}

// nextOf returns the one of several LimaVMs that was created for the machine of a former one.
func nextOf(all []limav1.LimaVM, name string, uid types.UID) *limav1.LimaVM {
	for n := range all {
		if from, fromUID, asked := limav1.RenamedFrom(&all[n]); asked && from == name && fromUID == string(uid) {
			return &all[n]
		}
	}
	return nil
}
