// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// lose takes the instance directory away. The LimaVM says so, and the instance is not made anew,
// not even when the power is switched.
func lose(name string, running bool) stage {
	return stage{name: name, act: func(ctx context.Context, h *harness) error {
		if err := h.world.Lose(machineName); err != nil {
			return err
		}
		h.touched(machineName)
		for _, wanted := range []bool{!running, running} {
			if err := h.changeMachine(ctx, fmt.Sprintf(`{"spec":{"running":%v}}`, wanted)); err != nil {
				return err
			}
			if err := h.drive(ctx, nil); err != nil {
				return err
			}
			if err := h.checkReason(ctx, limav1.ReasonInstanceLost); err != nil {
				return err
			}
		}
		return h.expect(false, "it was made anew")
	}}
}

// bringBack brings the directory back, after which the machine goes on as it is.
func bringBack(starts int64) stage {
	return stage{name: "bring back", starts: starts, act: func(ctx context.Context, h *harness) error {
		before, _ := h.world.Peek(machineName)
		if err := h.world.Return(machineName); err != nil {
			return fmt.Errorf("%w (%+v)", err, before)
		}
		h.touched(machineName)
		if err := h.drive(ctx, nil); err != nil {
			return err
		}
		return h.checkReason(ctx, limav1.ReasonCreated)
	}}
}

// damageRecord makes the owner of the instance unreadable.
func damageRecord() stage {
	return stage{name: "damage", act: func(ctx context.Context, h *harness) error {
		if err := h.world.Damage(machineName); err != nil {
			return err
		}
		h.touched(machineName)
		if err := h.drive(ctx, nil); err != nil {
			return err
		}
		if err := h.checkReason(ctx, limav1.ReasonCreateFailed); err != nil {
			return err
		}
		return h.expect(true, "the damaged instance was deleted")
	}}
}

// aside checks that the instance that a stage deletes was set aside, once.
func aside(s stage) stage {
	act := s.act
	s.act = func(ctx context.Context, h *harness) error {
		before := len(h.world.Aside())
		if err := act(ctx, h); err != nil {
			return err
		}
		if after := len(h.world.Aside()); after != before+1 {
			return fmt.Errorf("invariant broken: %d damaged instances were set aside", after-before)
		}
		return nil
	}
	return s
}

// expect fails unless there is an instance, or none.
func (h *harness) expect(exists bool, otherwise string) error {
	if state, found := h.world.Peek(machineName); found != exists {
		return fmt.Errorf("invariant broken: %s: %+v", otherwise, state)
	}
	return nil
}

// checkReason checks the reason of the condition Created, and that a failure is in the status when
// it is False.
func (h *harness) checkReason(ctx context.Context, want string) error {
	limaVM := &limav1.LimaVM{}
	if err := h.user.Get(ctx, machineKey, limaVM); err != nil {
		return client.IgnoreNotFound(err)
	}
	created := meta.FindStatusCondition(limaVM.Status.Conditions, limav1.ConditionCreated)
	failure := limaVM.Status.Failure
	broken := created != nil && created.Status == metav1.ConditionFalse
	if created == nil || created.Reason != want || broken && (failure == nil || failure.Kind != string(vm.FaultBroken)) {
		return fmt.Errorf("invariant broken: Created is not %s: %+v", want, limaVM.Status)
	}
	return nil
}
