// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"context"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// checkRenaming refuses a LimaVM that is created for the machine of another one which cannot be
// renamed.
func (v limaVMValidator) checkRenaming(ctx context.Context, vm *limav1.LimaVM) error {
	name, uid, asked := limav1.RenamedFrom(vm)
	if !asked {
		return nil
	}
	if renamingFinal(vm) {
		return fmt.Errorf("annotation %q of LimaVM %q: it is rdd that adds it", limav1.AnnotationRenamed, vm.Name)
	}
	former := &limav1.LimaVM{}
	found, err := v.read(ctx, client.ObjectKey{Namespace: vm.Namespace, Name: name}, former)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("cannot rename LimaVM %q: there is none of that name in namespace %q", name, vm.Namespace)
	case string(former.UID) != uid:
		return fmt.Errorf("cannot rename LimaVM %q: its uid is %q, and annotation %q has %q", name, former.UID, limav1.AnnotationAdoptFrom, uid)
	}
	if why := whyNotRenamed(former); why != "" {
		return fmt.Errorf("cannot rename LimaVM %q: %s", name, why)
	}
	return v.refuseWhileRenaming(ctx, former)
}

// whyNotRenamed returns why a LimaVM cannot be renamed, with the way out; empty when it can.
func whyNotRenamed(former *limav1.LimaVM) string {
	kindOfOwner, owner, owned := reconcile.Owned(former)
	if ref := metav1.GetControllerOf(former); ref != nil && !owned {
		kindOfOwner, owner, owned = ref.Kind, ref.Name, true
	}
	_, _, renaming := limav1.RenamedFrom(former)
	created := meta.FindStatusCondition(former.Status.Conditions, limav1.ConditionCreated)
	running := meta.FindStatusCondition(former.Status.Conditions, limav1.ConditionRunning)
	switch {
	case owned:
		return fmt.Sprintf("it is owned by %s %q, which finds it by its name", kindOfOwner, owner)
	case !former.DeletionTimestamp.IsZero():
		return "it is being deleted"
	case limav1.Protected(former):
		return "it is protected; to end the protection: rdd limavm unprotect " + former.Name
	case renaming:
		return "it is itself being made by a renaming that is not finished; wait until it is"
	case former.Spec.Running:
		return "it is to run; stop it first: rdd limavm stop " + former.Name
	case created == nil || created.Status == metav1.ConditionUnknown:
		return "its instance is being made; wait until it is"
	case created.Status != metav1.ConditionTrue:
		return fmt.Sprintf("its instance is not as it should be: %s; to see more: rdd why %s", created.Message, former.Name)
	case running == nil || running.Reason != limav1.ReasonStopped:
		return "it has not stopped yet; wait until it has: rdd limavm stop " + former.Name
	default:
		return ""
	}
}

// checkWhileRenaming refuses to have a LimaVM renamed that exists, and to change the spec of one
// that is being renamed: the new LimaVM has a copy of it. It can be stopped.
func (v limaVMValidator) checkWhileRenaming(ctx context.Context, old, vm *limav1.LimaVM) error {
	name, uid, asked := limav1.RenamedFrom(vm)
	before, uidBefore, askedBefore := limav1.RenamedFrom(old)
	changed := asked != askedBefore || asked && (name != before || uid != uidBefore) || renamingFinal(old) != renamingFinal(vm)
	if changed && !byController(ctx) {
		return fmt.Errorf("cannot change annotation %q of LimaVM %q: a LimaVM is created with it, and rdd removes it; to rename one: "+
			"rdd limavm rename %s NAME", limav1.AnnotationRenameFrom, vm.Name, vm.Name)
	}
	started := vm.Spec.Running && !old.Spec.Running
	if !started && maps.Equal(old.Spec.Params, vm.Spec.Params) {
		return nil
	}
	return v.refuseWhileRenaming(ctx, vm)
}

// refuseWhileRenaming refuses a request while another LimaVM is about to get the machine.
func (v validator) refuseWhileRenaming(ctx context.Context, former *limav1.LimaVM) error {
	var all limav1.LimaVMList
	if err := v.reader.List(ctx, &all, client.InNamespace(former.Namespace)); err != nil {
		return apierrors.NewInternalError(fmt.Errorf("listing LimaVMs: %w", err))
	}
	next := nextOf(all.Items, former.Name, former.UID)
	if next == nil {
		return nil
	}
	return fmt.Errorf("LimaVM %q is being renamed to %q: wait until it is; to take that back: rdd limavm rename %s %s",
		former.Name, next.Name, next.Name, former.Name)
}
