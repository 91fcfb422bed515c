// SPDX-License-Identifier: Apache-2.0

package app

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// waiting returns the message for a reason of Settled that is a stage of normal progress; empty for
// other reasons.
func waiting(reason string) string {
	switch reason {
	case appv1.ReasonWaitingForLimaVM:
		return "the machine is being made what the spec asks for"
	case appv1.ReasonApplyingTemplate:
		return "the machine is being changed to what the spec asks for"
	case appv1.ReasonWaitingForEngine, appv1.ReasonEngineStale:
		return "the machine runs; the container engine is being tried"
	case appv1.ReasonDeleting:
		return "the App was deleted; its machine and what belongs to it are being removed"
	default:
		return ""
	}
}

// events returns the Events for the change from one status to the next: the App is settled, or the
// reason why it is not has changed. Events about the machine are on the LimaVM.
func events(have, want appv1.AppStatus) []reconcile.Event {
	before, after := settledOf(have), settledOf(want)
	stage := waiting(after.Reason)
	settled := after.Status == metav1.ConditionTrue
	switch {
	case after.Reason == "", after.Reason == appv1.ReasonRetrying: // a problem that persists gets a reason of its own
		return nil
	case settled && (before.Status != after.Status || before.ObservedGeneration != after.ObservedGeneration):
		return []reconcile.Event{{Reason: appv1.ReasonSettled, Message: "everything that the spec asks for is so"}}
	case settled:
		return nil
	case stage != "" && before.Reason != after.Reason:
		return []reconcile.Event{{Reason: after.Reason, Message: stage}}
	case stage == "" && (before.Reason != after.Reason || before.Message != after.Message):
		return []reconcile.Event{{Warning: true, Reason: after.Reason, Message: after.Message}}
	default:
		return nil
	}
}

// settledOf returns the condition Settled; the zero condition when there is none.
func settledOf(st appv1.AppStatus) metav1.Condition {
	if c := meta.FindStatusCondition(st.Conditions, appv1.ConditionSettled); c != nil {
		return *c
	}
	return metav1.Condition{}
}
