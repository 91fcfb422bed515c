// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	"rancherdesktop.io/rdd/internal/containers"
	"rancherdesktop.io/rdd/internal/reconcile"
)

// ownStatus returns the part of an App's status that this controller owns.
func ownStatus(st appv1.AppStatus) appv1.AppStatus {
	return appv1.AppStatus{
		ContainerEngine: st.ContainerEngine,
		Conditions:      reconcile.OwnConditions(st.Conditions, appv1.ConditionContainerEngineReady),
	}
}

// status computes this controller's part of the App's status from the scope. It has no side
// effects.
func status(s *scope) appv1.AppStatus {
	st := ownStatus(*s.app.Status.DeepCopy())
	c := s.ready()
	c.Type, c.ObservedGeneration = appv1.ConditionContainerEngineReady, s.app.Generation
	reconcile.SetCondition(&st.Conditions, metav1.NewTime(s.now), c)
	if c.Status == metav1.ConditionTrue && s.state.Phase == containers.PhaseConnected {
		st.ContainerEngine = appv1.ContainerEngineStatus{
			Name: appv1.EngineName(s.target.Engine), Version: s.state.Version, RestartCount: s.target.Run,
		}
	}
	return st
}

// ready returns the condition ContainerEngineReady, without its type and generation.
func (s *scope) ready() metav1.Condition {
	switch {
	case s.target == nil:
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: appv1.ReasonStopped, Message: "the machine does not run"}
	case s.state == nil || s.state.Target != *s.target: // the Monitor was closed
		return s.connecting()
	case s.state.Phase == containers.PhaseConnected:
		return metav1.Condition{
			Status: metav1.ConditionTrue, Reason: appv1.ReasonConnected,
			Message: strings.TrimSpace(fmt.Sprintf("%s %s has run a container", s.target.Engine, s.state.Version)),
		}
	case s.state.Phase == containers.PhaseFailed:
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: appv1.ReasonConnectFailed, Message: s.state.Problem}
	default:
		return s.connecting()
	}
}

// connecting returns the condition before the first smoke test of this daemon has ended. A
// container engine that has passed one in the same start of the machine, run by an earlier daemon,
// stays ready.
func (s *scope) connecting() metav1.Condition {
	last := meta.FindStatusCondition(s.app.Status.Conditions, appv1.ConditionContainerEngineReady)
	passed := s.app.Status.ContainerEngine
	if last != nil && last.Status == metav1.ConditionTrue && string(passed.Name) == s.target.Engine && passed.RestartCount == s.target.Run {
		return *last
	}
	return metav1.Condition{
		Status: metav1.ConditionFalse, Reason: appv1.ReasonConnecting, Message: "running a container, to see that " + s.target.Engine + " works",
	}
}

// events returns the Events for a container engine that has become ready or has failed.
func events(have, want appv1.AppStatus) []reconcile.Event {
	before, after := readyOf(have), readyOf(want)
	switch {
	case after.Reason == appv1.ReasonConnected && before.Reason != after.Reason:
		return []reconcile.Event{{Reason: after.Reason, Message: after.Message}}
	case after.Reason == appv1.ReasonConnectFailed && (before.Reason != after.Reason || before.Message != after.Message):
		return []reconcile.Event{{Warning: true, Reason: after.Reason, Message: after.Message}}
	default:
		return nil
	}
}

// readyOf returns the condition ContainerEngineReady; the zero condition when there is none.
func readyOf(st appv1.AppStatus) metav1.Condition {
	if c := meta.FindStatusCondition(st.Conditions, appv1.ConditionContainerEngineReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}
