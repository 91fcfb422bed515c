// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// renameMachine gives the machine of a stopped LimaVM another name.
func renameMachine(from, to string) stage {
	return stage{name: fmt.Sprintf("rename %s to %s", from, to), act: func(ctx context.Context, h *harness) error {
		former := &limav1.LimaVM{}
		if err := h.user.Get(ctx, client.ObjectKey{Namespace: machineKey.Namespace, Name: from}, former); err != nil {
			return err
		}
		next := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: former.Namespace, Name: to}}
		next.Annotations = map[string]string{limav1.AnnotationRenameFrom: from, limav1.AnnotationAdoptFrom: string(former.UID)}
		next.Spec = limav1.LimaVMSpec{TemplateRef: limav1.TemplateReference{Name: from + limav1.TemplateSuffix}}
		if err := h.create(ctx, next); err != nil {
			return err
		}
		return h.drive(ctx, h.oneMachine(h.stop))
	}}
}

// withdrawRenaming deletes the LimaVM that was created for the machine of another one.
func withdrawRenaming(name string) stage {
	return stage{name: "withdraw it", act: func(ctx context.Context, h *harness) error {
		if err := h.withdraw(ctx, name); err != nil {
			return err
		}
		return h.drive(ctx, h.oneMachine(nil))
	}}
}

func (h *harness) withdraw(ctx context.Context, name string) error {
	limaVM := &limav1.LimaVM{ObjectMeta: metav1.ObjectMeta{Namespace: machineKey.Namespace, Name: name}}
	if err := h.user.Delete(ctx, limaVM); err != nil {
		return err
	}
	h.wrote(ctx, limaVM)
	return nil
}

// renameAndWithdraw withdraws a renaming at the moment in which the instance has got its new name.
func renameAndWithdraw(from, to string) stage {
	rename := renameMachine(from, to)
	return stage{name: "rename and withdraw", act: func(ctx context.Context, h *harness) error {
		h.onInstance = map[string]func() error{to: func() error { return h.withdraw(ctx, to) }}
		return rename.act(ctx, h)
	}}
}

// oneMachine returns stop with a check that there is one machine, always the same: none is created
// and none is deleted.
func (h *harness) oneMachine(stop func() bool) func() bool {
	return func() bool {
		names := h.world.Names()
		for _, name := range names {
			if state, _ := h.world.Peek(name); state.Phase != vm.PhaseStopped || state.Owner.Name != name {
				h.breaks(fmt.Errorf("invariant broken: the machine was lost while it was renamed: %+v", state))
			}
		}
		if len(names) != 1 {
			h.breaks(fmt.Errorf("invariant broken: while a machine is renamed there are %q", names))
		}
		return stop != nil && stop()
	}
}
