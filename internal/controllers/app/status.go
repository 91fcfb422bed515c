// SPDX-License-Identifier: Apache-2.0

package app

import (
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// ownStatus returns the part of an App's status that this controller owns.
func ownStatus(st appv1.AppStatus) appv1.AppStatus {
	return appv1.AppStatus{
		NamespaceUID: st.NamespaceUID,
		Conditions:   reconcile.OwnConditions(st.Conditions, appv1.ConditionCreated, appv1.ConditionRunning, appv1.ConditionSettled),
	}
}

// status computes this controller's part of the App's status from the scope. It has no side
// effects.
func status(s *scope) appv1.AppStatus {
	st := ownStatus(*s.app.Status.DeepCopy())
	if s.namespace != nil {
		st.NamespaceUID = ""
		if reconcile.OwnedBy(s.namespace, s.app) {
			st.NamespaceUID = string(s.namespace.UID)
		}
	}
	if s.limaVMRead {
		var theirs []metav1.Condition
		if s.limaVM != nil {
			theirs = s.limaVM.Status.Conditions
		}
		for _, t := range []string{appv1.ConditionCreated, appv1.ConditionRunning} {
			reconcile.MirrorCondition(&st.Conditions, theirs, t, s.app.Generation)
		}
	}
	if c, ok := settled(s); ok {
		reconcile.SetCondition(&st.Conditions, metav1.NewTime(s.now), c)
	}
	return ownStatus(st)
}

// blocker has the reason and message of what keeps an App from Settled. The zero blocker means that
// nothing does.
type blocker struct{ reason, message string }

// settled returns the condition Settled. It returns false when the pass has found out nothing new,
// and the last condition stays.
func settled(s *scope) (metav1.Condition, bool) {
	v := s.findBlocker()
	c := metav1.Condition{
		Type: appv1.ConditionSettled, Status: metav1.ConditionFalse, ObservedGeneration: s.app.Generation,
		Reason: v.reason, Message: v.message,
	}
	if v == (blocker{}) {
		if s.outcome.Err != nil {
			return c, false
		}
		c.Status, c.Reason = metav1.ConditionTrue, appv1.ReasonSettled
	}
	return c, true
}

// findBlocker derives the blocker from the outcome of the pass. After a pass that is done, all
// owned objects were observed, and their status may still have a blocker.
func (s *scope) findBlocker() blocker {
	o := s.outcome
	switch {
	case s.deleting() && o.IsStalled():
		return blocker{o.Reason, o.Message}
	case s.deleting():
		return blocker{appv1.ReasonDeleting, o.Why + errorText(o)}
	case o.IsStalled():
		return blocker{o.Reason, o.Message}
	case o.Err != nil:
		return s.retrying()
	case !o.IsDone():
		return blocker{appv1.ReasonWaitingForLimaVM, o.Why}
	default:
		return s.worldBlocker()
	}
}

// retrying returns the blocker of a pass that ended with an error. An App that was settled in this
// generation stays so, unless the pass has read that its machine is not up or down as wanted.
func (s *scope) retrying() blocker {
	old := meta.FindStatusCondition(s.app.Status.Conditions, appv1.ConditionSettled)
	fresh := old == nil || old.ObservedGeneration != s.app.Generation
	lost := s.limaVMRead && !powered(s.app, s.limaVM)
	if !fresh && (old.Status != metav1.ConditionTrue || !lost) {
		return blocker{}
	}
	return blocker{appv1.ReasonRetrying, "trying again" + errorText(s.outcome)}
}

// errorText returns an outcome's error for a message. It leaves out conflicts: the next pass
// resolves them.
func errorText(o reconcile.Outcome) string {
	if o.Err == nil || apierrors.IsConflict(o.Err) {
		return ""
	}
	return ": " + o.Err.Error()
}

// worldBlocker returns the blocker after a pass that was done: the machine's first, then that of
// the container engine in it.
func (s *scope) worldBlocker() blocker {
	v := machineBlocker(s.app, s.limaVM, s.template)
	if v != (blocker{}) || !s.app.Spec.Running || !s.engineControllerEnabled {
		return v
	}
	return engineBlocker(s.app, s.limaVM)
}

// powered reports whether the machine is up or down as the App asks.
func powered(app *appv1.App, vm *limav1.LimaVM) bool {
	if vm == nil {
		return false
	}
	running := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionRunning)
	switch {
	case running == nil || running.ObservedGeneration != vm.Generation || vm.Spec.Running != app.Spec.Running:
		return false
	case app.Spec.Running:
		return running.Status == metav1.ConditionTrue
	default:
		return running.Reason == limav1.ReasonStopped
	}
}

// machineBlocker returns the blocker that follows from the LimaVM's status and template.
func machineBlocker(app *appv1.App, vm *limav1.LimaVM, template *corev1.ConfigMap) blocker {
	created := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionCreated)
	running := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionRunning)
	switch {
	case created == nil || running == nil:
		return blocker{appv1.ReasonWaitingForLimaVM, "waiting for the LimaVM controller"}
	case created.Status == metav1.ConditionFalse:
		return blocker{created.Reason, created.Message}
	case created.Status != metav1.ConditionTrue:
		return blocker{appv1.ReasonWaitingForLimaVM, created.Message}
	case limav1.Failed(running.Reason) && running.ObservedGeneration == vm.Generation:
		return blocker{running.Reason, running.Message}
	case vm.Status.RestartNeeded || template == nil || vm.Status.ObservedTemplateResourceVersion != template.ResourceVersion:
		return blocker{appv1.ReasonApplyingTemplate, running.Message}
	case !powered(app, vm):
		return blocker{appv1.ReasonWaitingForLimaVM, running.Message}
	default:
		return blocker{}
	}
}

// engineBlocker returns the blocker that follows from the container engine's condition. A smoke
// test counts only if it was passed in this start of the machine, by the container engine of the
// spec, and for the present generation.
func engineBlocker(app *appv1.App, vm *limav1.LimaVM) blocker {
	ready, verified := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionContainerEngineReady), app.Status.ContainerEngine
	switch {
	case ready == nil || ready.Reason == appv1.ReasonStopped: // its controller has not observed the running machine yet
		return blocker{appv1.ReasonWaitingForEngine, "waiting for the container engine controller"}
	case ready.Status == metav1.ConditionTrue && (ready.ObservedGeneration != app.Generation ||
		verified.RestartCount != vm.Status.RestartCount || verified.Name != app.Spec.ContainerEngine.Name):
		return blocker{appv1.ReasonEngineStale, "the container engine has to be proven again"}
	case ready.Status == metav1.ConditionTrue:
		return blocker{}
	case ready.ObservedGeneration == app.Generation && appv1.Failed(ready.Reason):
		return blocker{ready.Reason, ready.Message}
	default:
		return blocker{appv1.ReasonWaitingForEngine, ready.Message}
	}
}
