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

// ownStatus is the part of an App's status that this controller writes.
func ownStatus(st appv1.AppStatus) appv1.AppStatus {
	return appv1.AppStatus{
		NamespaceUID: st.NamespaceUID,
		Conditions:   reconcile.OwnConditions(st.Conditions, appv1.ConditionCreated, appv1.ConditionRunning, appv1.ConditionSettled),
	}
}

// status is what our part of the App's status becomes, from what was seen in the pass alone.
func status(s *scope) appv1.AppStatus {
	st := ownStatus(*s.app.Status.DeepCopy())
	if s.namespace != nil {
		st.NamespaceUID = ""
		if reconcile.OwnedBy(s.namespace, s.app) {
			st.NamespaceUID = string(s.namespace.UID)
		}
	}
	if s.looked {
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

// verdict is a blocker of Settled; the zero verdict blocks nothing.
type verdict struct{ reason, message string }

// settled judges whether everything the spec asks for is so; false: what was said before stands.
func settled(s *scope) (metav1.Condition, bool) {
	v := s.verdict()
	c := metav1.Condition{
		Type: appv1.ConditionSettled, Status: metav1.ConditionFalse, ObservedGeneration: s.app.Generation,
		Reason: v.reason, Message: v.message,
	}
	if v == (verdict{}) {
		if s.outcome.Err != nil {
			return c, false
		}
		c.Status, c.Reason = metav1.ConditionTrue, appv1.ReasonSettled
	}
	return c, true
}

func (s *scope) verdict() verdict {
	o := s.outcome
	switch {
	case s.deleting() && o.IsStalled():
		return verdict{o.Reason, o.Message}
	case s.deleting():
		return verdict{appv1.ReasonDeleting, o.Why + errorText(o)}
	case o.IsStalled():
		return verdict{o.Reason, o.Message}
	case o.Err != nil:
		return s.retrying()
	case !o.IsDone():
		return verdict{appv1.ReasonWaitingForLimaVM, o.Why}
	default:
		return s.blocker()
	}
}

// retrying judges a pass that an error cut short: what was settled for this generation stays
// so if nothing that was seen says otherwise.
func (s *scope) retrying() verdict {
	old := meta.FindStatusCondition(s.app.Status.Conditions, appv1.ConditionSettled)
	fresh := old == nil || old.ObservedGeneration != s.app.Generation
	lost := s.looked && !powered(s.app, s.limaVM)
	if !fresh && (old.Status != metav1.ConditionTrue || !lost) {
		return verdict{}
	}
	return verdict{appv1.ReasonRetrying, "trying again" + errorText(s.outcome)}
}

// errorText says what an outcome's error is. Lost races are none of anyone's business.
func errorText(o reconcile.Outcome) string {
	if o.Err == nil || apierrors.IsConflict(o.Err) {
		return ""
	}
	return ": " + o.Err.Error()
}

// blocker finds what keeps a world that was seen whole from being settled: the machine first, then
// what runs in it.
func (s *scope) blocker() verdict {
	v := machineBlocker(s.app, s.limaVM, s.template)
	if v != (verdict{}) || !s.app.Spec.Running || !s.enginesWatched {
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

// machineBlocker finds what of the LimaVM keeps the App from being settled.
func machineBlocker(app *appv1.App, vm *limav1.LimaVM, template *corev1.ConfigMap) verdict {
	created := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionCreated)
	running := meta.FindStatusCondition(vm.Status.Conditions, limav1.ConditionRunning)
	switch {
	case created == nil || running == nil:
		return verdict{appv1.ReasonWaitingForLimaVM, "waiting for the LimaVM controller"}
	case created.Status == metav1.ConditionFalse:
		return verdict{created.Reason, created.Message}
	case created.Status != metav1.ConditionTrue:
		return verdict{appv1.ReasonWaitingForLimaVM, created.Message}
	case limav1.Failed(running.Reason) && running.ObservedGeneration == vm.Generation:
		return verdict{running.Reason, running.Message}
	case vm.Status.RestartNeeded || template == nil || vm.Status.ObservedTemplateResourceVersion != template.ResourceVersion:
		return verdict{appv1.ReasonApplyingTemplate, running.Message}
	case !powered(app, vm):
		return verdict{appv1.ReasonWaitingForLimaVM, running.Message}
	default:
		return verdict{}
	}
}

// engineBlocker finds what of the container engine does. What was proven in another run of the
// machine, of another engine or for another spec counts for nothing.
func engineBlocker(app *appv1.App, vm *limav1.LimaVM) verdict {
	ready, proven := meta.FindStatusCondition(app.Status.Conditions, appv1.ConditionContainerEngineReady), app.Status.ContainerEngine
	switch {
	case ready == nil || ready.Reason == appv1.ReasonStopped: // its controller has not seen the running machine yet
		return verdict{appv1.ReasonWaitingForEngine, "waiting for the container engine controller"}
	case ready.Status == metav1.ConditionTrue && (ready.ObservedGeneration != app.Generation ||
		proven.RestartCount != vm.Status.RestartCount || proven.Name != app.Spec.ContainerEngine.Name):
		return verdict{appv1.ReasonEngineStale, "the container engine has to be proven again"}
	case ready.Status == metav1.ConditionTrue:
		return verdict{}
	case ready.ObservedGeneration == app.Generation && appv1.Failed(ready.Reason):
		return verdict{ready.Reason, ready.Message}
	default:
		return verdict{appv1.ReasonWaitingForEngine, ready.Message}
	}
}
