// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// transition is the change from one status of a LimaVM to the next, with the pass that caused it.
type transition struct {
	*scope
	have, want *limav1.LimaVMStatus
}

// events returns the Events for the transition, in order. They are derived from the two statuses
// wherever possible, so that a daemon that was interrupted neither repeats one nor reports one that
// did not happen.
func (t transition) events() []reconcile.Event {
	return slices.Concat(t.machine(), t.ports())
}

// machine returns the Events about the machine, which has few.
func (t transition) machine() []reconcile.Event {
	return slices.Concat(t.asked(), t.created(), t.died(), t.running(), t.units())
}

func normal(reason, message string) []reconcile.Event {
	return []reconcile.Event{{Reason: reason, Message: message}}
}

func warning(reason, message string) []reconcile.Event {
	return []reconcile.Event{{Warning: true, Reason: reason, Message: message}}
}

// asked returns the Events for requests: deletion, reset, restart.
func (t transition) asked() []reconcile.Event {
	switch {
	case t.deleting() && !t.generationObserved():
		return slices.Concat(normal(limav1.EventDeleting, "the machine is ended and what belongs to it removed"), t.setAside())
	case t.have.LastResetRequest != t.want.LastResetRequest && t.resetting():
		return slices.Concat(normal(limav1.EventResetting, "a reset was requested: the instance is deleted and made anew"), t.setAside())
	case t.have.LastRestartRequest != t.want.LastRestartRequest && t.want.RestartNeeded:
		return normal(limav1.EventRestarting, "a restart was requested")
	case t.want.RestartNeeded && !t.have.RestartNeeded && t.template != nil:
		return normal(limav1.EventRestarting, t.whatChanged()+" changed")
	default:
		return nil
	}
}

// setAside returns a warning when the directory of an instance that is to be deleted is damaged.
func (t transition) setAside() []reconcile.Event {
	if t.found == nil || !t.found.Damaged {
		return nil
	}
	return warning(limav1.EventSetAside, "the instance directory is damaged: it is moved out of the way, and its disk is kept; "+
		"to see where: rdd status")
}

// generationObserved reports whether the last status is of the present generation. A deletion
// raises the generation.
func (t transition) generationObserved() bool {
	running := meta.FindStatusCondition(t.have.Conditions, limav1.ConditionRunning)
	return running != nil && running.ObservedGeneration == t.vm.Generation
}

func (t transition) whatChanged() string {
	if t.template.ResourceVersion != t.have.ObservedTemplateResourceVersion {
		return "the template has"
	}
	return "the params have"
}

// conditions returns a condition of both statuses; the zero condition where there is none.
func (t transition) conditions(conditionType string) (have, want metav1.Condition) {
	if c := meta.FindStatusCondition(t.have.Conditions, conditionType); c != nil {
		have = *c
	}
	if c := meta.FindStatusCondition(t.want.Conditions, conditionType); c != nil {
		want = *c
	}
	return have, want
}

// created returns the Events about the instance on disk.
func (t transition) created() []reconcile.Event {
	have, want := t.conditions(limav1.ConditionCreated)
	same := have.Reason == want.Reason
	switch {
	case t.deleting():
		return nil
	case want.Status == metav1.ConditionFalse && (!same || have.Message != want.Message):
		return warning(want.Reason, want.Message)
	case same || want.Status == metav1.ConditionFalse:
		return nil
	case want.Status == metav1.ConditionTrue:
		return t.completed(have)
	case have.Status != metav1.ConditionTrue:
		return normal(limav1.EventCreating, "the instance is being made")
	default:
		return nil
	}
}

// completed returns the Event for an instance that has become complete.
func (t transition) completed(have metav1.Condition) []reconcile.Event {
	_, adopted := t.vm.Annotations[limav1.AnnotationAdoptFrom]
	former, _, _ := limav1.RenamedFrom(t.vm)
	former = cmp.Or(former, t.renamedFrom)
	before := t.have.ObservedTemplateResourceVersion != ""
	switch {
	case former != "":
		return normal(limav1.EventRenamed, fmt.Sprintf("the machine of LimaVM %s is this LimaVM's now", former))
	case adopted:
		return normal(limav1.EventAdopted, "an instance directory that was left behind is this LimaVM's now")
	case have.Reason == limav1.ReasonInstanceLost:
		return normal(limav1.ReasonCreated, "the instance directory is back")
	case before && have.Status == metav1.ConditionFalse:
		return normal(limav1.ReasonCreated, "the instance can be what its template says again")
	case before && t.want.LastResetRequest != "":
		return normal(limav1.EventReset, "the instance was made anew")
	default:
		return normal(limav1.ReasonCreated, "the instance is complete")
	}
}

// died returns a warning when the machine has ended by itself, once for each time.
func (t transition) died() []reconcile.Event {
	have, want := t.conditions(limav1.ConditionRunning)
	ended := t.found != nil && t.found.Phase == vm.PhaseStopped
	if !ended || t.deleting() || !t.vm.Spec.Running || want.Reason == limav1.ReasonStopped {
		return nil
	}
	switch f := t.found.Failure; {
	case f != nil && f.Operation == vm.OperationRun && have.Message != failureMessage(f):
		died := warning(limav1.EventMachineDied, failureMessage(f))
		died[0].Annotations = map[string]string{limav1.AnnotationCause: f.Fault.Text}
		return died
	case f == nil && have.Status == metav1.ConditionTrue && !t.have.RestartNeeded:
		return warning(limav1.EventMachineDied, "the machine ended while nobody watched and is started again")
	default:
		return nil
	}
}

// running returns the Events about starts and stops of the machine.
func (t transition) running() []reconcile.Event {
	have, want := t.conditions(limav1.ConditionRunning)
	failed := want.Reason == limav1.ReasonStartFailed || want.Reason == limav1.ReasonStopFailed
	switch {
	case limav1.Paused(want.Reason):
		return pausedEvent(have, want)
	case failed && (have.Reason != want.Reason || have.Message != want.Message):
		return warning(want.Reason, want.Message)
	case want.Reason == limav1.ReasonStarted && t.want.RestartCount > t.have.RestartCount:
		return normal(limav1.ReasonStarted, "the machine runs")
	case limav1.Paused(have.Reason) && (want.Reason == limav1.ReasonStarted || want.Reason == limav1.ReasonStarting):
		return normal(limav1.EventResumed, "the guest goes on")
	case have.Reason == want.Reason:
		return nil
	case want.Reason == limav1.ReasonStarting:
		return normal(want.Reason, "the machine is being started")
	case want.Reason == limav1.ReasonStopping:
		return normal(want.Reason, "the machine is being stopped")
	case want.Reason == limav1.ReasonStopped && have.Status != "" && have.Status != metav1.ConditionUnknown:
		return normal(want.Reason, "the machine is stopped")
	default:
		return nil
	}
}

// pausedEvent returns the Event for a guest that is paused, once for each reason.
func pausedEvent(have, want metav1.Condition) []reconcile.Event {
	if have.Reason == want.Reason {
		return nil
	}
	return warning(want.Reason, want.Message)
}

// units returns the Events for services of the guest that begin to fail, or do not any more. Those
// of a machine that has ended are no concern. The messages have nothing that a guest chooses:
// Events of one message are one object.
func (t transition) units() []reconcile.Event {
	if _, want := t.conditions(limav1.ConditionRunning); want.Status != metav1.ConditionTrue {
		return nil
	}
	has := func(units []limav1.FailedUnit, name string) bool {
		return slices.ContainsFunc(units, func(u limav1.FailedUnit) bool { return u.Name == name })
	}
	var all []reconcile.Event
	for _, u := range t.want.FailedUnits {
		if !has(t.have.FailedUnits, u.Name) {
			all = append(all, warning(limav1.EventUnitFailed, u.Name+" fails in the guest")...)
		}
	}
	for _, u := range t.have.FailedUnits {
		if !has(t.want.FailedUnits, u.Name) {
			all = append(all, normal(limav1.EventUnitRecovered, u.Name+" does not fail any more")...)
		}
	}
	return all
}

// ports returns the Events for conflicts of forwarded ports on the host that are new or resolved.
func (t transition) ports() []reconcile.Event {
	var all []reconcile.Event
	for _, f := range t.want.PortForwards {
		if f.Host == "" {
			continue // it is on an address of the guest's own, which is no conflict
		}
		before := ""
		for _, old := range t.have.PortForwards {
			if old.Protocol == f.Protocol && old.Host == f.Host && old.Guest == f.Guest {
				before = old.Error
			}
		}
		way := fmt.Sprintf("%s %s to the guest's %s", f.Protocol, f.Host, f.Guest)
		if f.Reverse {
			way = fmt.Sprintf("%s %s of the guest to the host's %s", f.Protocol, f.Guest, f.Host)
		}
		switch {
		case f.Error != "" && f.Error != before:
			all = append(all, warning(limav1.EventPortConflict, fmt.Sprintf("cannot forward %s: %s", way, f.Error))...)
		case f.Error == "" && before != "":
			all = append(all, normal(limav1.EventPortForwarded, "forwarding "+way+" again")...)
		}
	}
	return all
}
