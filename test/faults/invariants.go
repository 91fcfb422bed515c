// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// checkSeen checks that the harness has observed every write.
func (h *harness) checkSeen(ctx context.Context) error {
	all, err := h.objects(ctx)
	if err != nil {
		return err
	}
	for _, o := range all {
		id := fmt.Sprintf("%T %s", o, client.ObjectKeyFromObject(o))
		if seen := h.seen[id]; seen == nil || seen.GetResourceVersion() != o.GetResourceVersion() {
			return fmt.Errorf("the harness has missed a write of %s", id)
		}
	}
	if len(all) != len(h.seen) {
		return fmt.Errorf("the harness has seen %d objects, there are %d", len(h.seen), len(all))
	}
	return nil
}

// objects reads all objects of the kinds that the stages are about.
func (h *harness) objects(ctx context.Context) ([]client.Object, error) {
	var all []client.Object
	for _, list := range []client.ObjectList{&appv1.AppList{}, &limav1.LimaVMList{}, &corev1.ConfigMapList{}, &corev1.NamespaceList{}} {
		if err := h.user.List(ctx, list); err != nil {
			return nil, err
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if o := item.(client.Object); o.GetName() != metav1.NamespaceDefault && o.GetName() != metav1.NamespaceSystem {
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// checkNew checks that an owned object was created after its owner got the finalizer that cleans it
// up.
func (h *harness) checkNew(obj client.Object) error {
	owner := metav1.GetControllerOf(obj)
	if owner == nil {
		return nil
	}
	for _, o := range h.seen {
		if o.GetUID() == owner.UID && slices.Contains(o.GetFinalizers(), reconcile.FinalizerCleanup) {
			return nil
		}
	}
	return fmt.Errorf("invariant broken: %T %s was made although its owner %s %s has no clean-up finalizer",
		obj, client.ObjectKeyFromObject(obj), owner.Kind, owner.Name)
}

// checkSettled checks that the container engine of a running App that has settled was verified, in
// the start of the machine that its status names.
func (h *harness) checkSettled(app *appv1.App) error {
	settled := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionSettled)
	if settled == nil || settled.Status != metav1.ConditionTrue || settled.ObservedGeneration != app.Generation || !app.Spec.Running {
		return nil
	}
	ready := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionContainerEngineReady)
	said := app.Status.ContainerEngine
	target := containers.Target{Engine: string(app.Spec.ContainerEngine.Name), Instance: appv1.LimaVMName, Run: said.RestartCount}
	if ready == nil || said.Name != app.Spec.ContainerEngine.Name || !h.verified[target] {
		return fmt.Errorf("invariant broken: the App has settled and its engine was not proven: %+v", app.Status)
	}
	return nil
}

// checkRest checks, when nothing is left to do, that ContainerEngineReady agrees with the monitor.
func (h *harness) checkRest() error {
	state, said := h.monitor.State(), false
	for _, o := range h.seen {
		if app, ok := o.(*appv1.App); ok {
			said = meta.IsStatusConditionTrue(app.Status.Conditions, appv1.ConditionContainerEngineReady)
		}
	}
	if works := state != nil && state.Phase == containers.PhaseConnected; works != said {
		return fmt.Errorf("invariant broken: the App says ContainerEngineReady=%v, and the monitor knows %+v", said, state)
	}
	return nil
}

// checkDeleted checks that a deleted object has left nothing that it owned.
func (h *harness) checkDeleted(uid types.UID) error {
	for _, o := range h.seen {
		if owner := metav1.GetControllerOf(o); owner != nil && owner.UID == uid {
			return fmt.Errorf("invariant broken: %s %s has gone and left %T %s", owner.Kind, owner.Name, o, client.ObjectKeyFromObject(o))
		}
	}
	for _, name := range h.world.Names() {
		if state, _ := h.world.Peek(name); state.Owner.UID == string(uid) {
			return fmt.Errorf("invariant broken: LimaVM %s has gone and left its instance: %+v", name, state)
		}
	}
	return nil
}

// eventChecker is the controllers' EventRecorder. It checks that each Event is true: the status
// that it is about must have been stored before.
type eventChecker struct{ h *harness }

// Record implements reconcile.EventRecorder.
func (c eventChecker) Record(ctx context.Context, obj client.Object, events ...reconcile.Event) {
	if c.h.inj.crashed {
		return
	}
	for _, e := range events {
		c.h.eventCount++
		c.h.breaks(c.h.checkEvent(ctx, obj, e))
	}
}

// checkEvent checks an Event whose reason is a condition's: a condition of the object must have it.
func (h *harness) checkEvent(ctx context.Context, obj client.Object, e reconcile.Event) error {
	now := fresh(obj)
	if err := h.user.Get(ctx, client.ObjectKeyFromObject(obj), now); err != nil {
		return client.IgnoreNotFound(err)
	}
	var reasons []string
	switch o := now.(type) {
	case *limav1.LimaVM:
		reasons = reasonsOf(o.Status.Conditions)
	case *appv1.App:
		reasons = reasonsOf(o.Status.Conditions)
	}
	states := []string{
		limav1.ReasonCreated, limav1.ReasonCreateFailed, limav1.ReasonNameTaken, limav1.ReasonInstanceLost,
		limav1.ReasonStarting, limav1.ReasonStarted,
		limav1.ReasonStopping, limav1.ReasonStopped, limav1.ReasonStartFailed, limav1.ReasonStopFailed,
		appv1.ReasonSettled, appv1.ReasonConnected, appv1.ReasonConnectFailed,
	}
	if slices.Contains(states, e.Reason) && !slices.Contains(reasons, e.Reason) {
		return fmt.Errorf(
			"invariant broken: Event %s (%s) on %T %s, whose conditions say %q", e.Reason, e.Message, now, client.ObjectKeyFromObject(obj), reasons,
		)
	}
	return nil
}

func reasonsOf(conditions []metav1.Condition) []string {
	var reasons []string
	for _, c := range conditions {
		reasons = append(reasons, c.Reason)
	}
	return reasons
}
