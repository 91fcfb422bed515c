// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"cmp"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// status computes the LimaVM's status from the scope. It has no side effects.
func status(s *scope) limav1.LimaVMStatus {
	st := s.vm.Status.DeepCopy()
	if s.template != nil {
		st.TemplateConfigMap = s.template.Name
	}
	if s.observed {
		s.setRequests(st)
		s.setMade(st)
		s.setMachine(st)
		s.setTemplate(st)
	}
	now := metav1.NewTime(s.now)
	for _, c := range []metav1.Condition{s.created(), s.running()} {
		if s.observed || !s.has(c.Type) {
			c.ObservedGeneration = s.vm.Generation
			reconcile.SetCondition(&st.Conditions, now, c)
		}
	}
	st.Failure = s.nextFailure(meta.IsStatusConditionTrue(st.Conditions, limav1.ConditionCreated))
	return *st
}

// setRequests records the requests. Those for a retry and a forced stop are carried out in the pass
// in which they are observed, unless it fails or the engine is busy.
func (s *scope) setRequests(st *limav1.LimaVMStatus) {
	n := s.noted()
	st.LastRestartRequest, st.LastResetRequest = n.restart, n.reset
	if n.fromKnown {
		st.LastResetFrom = &n.resetFrom
	}
	if s.outcome.Err == nil && !s.busy {
		st.LastRetryRequest = cmp.Or(s.vm.Annotations[limav1.AnnotationRetryRequested], st.LastRetryRequest)
		st.LastForceStop = cmp.Or(s.vm.Annotations[limav1.AnnotationForceStop], st.LastForceStop)
	}
}

func (s *scope) has(conditionType string) bool {
	return len(reconcile.OwnConditions(s.vm.Status.Conditions, conditionType)) > 0
}

// setMachine reports the machine, and counts each start that has reached Running once.
func (s *scope) setMachine(st *limav1.LimaVMStatus) {
	st.BootID, st.SSHLocalPort, st.Accelerator, st.Message, st.PortForwards, st.FailedUnits = "", 0, "", "", nil, nil
	if s.state == nil {
		return
	}
	st.BootID, st.SSHLocalPort, st.Accelerator = s.state.BootID, int32(s.state.SSHPort), s.state.Accelerator
	st.Message = reconcile.Truncate(s.state.Message)
	for _, f := range s.state.Forwards {
		st.PortForwards = append(st.PortForwards, limav1.PortForward(f))
	}
	for _, u := range s.state.FailedUnits {
		st.FailedUnits = append(st.FailedUnits, limav1.FailedUnit(u))
	}
	if s.phase() == vm.PhaseRunning && s.state.StartID != st.LastStartID {
		st.RestartCount++
		st.LastStartID = s.state.StartID
	}
}

// setTemplate reports which template is in force, and whether a restart is needed. While a restart
// into a changed template is needed or going on, the old template is in force.
func (s *scope) setTemplate(st *limav1.LimaVMStatus) {
	asked := st.LastRestartRequest != s.vm.Status.LastRestartRequest
	switch {
	case s.state == nil || !s.vm.Spec.Running:
		st.RestartNeeded = false
	case s.revision == "":
		st.RestartNeeded = st.RestartNeeded || asked
	default:
		outdated := s.state.RunningRevision != "" && s.state.RunningRevision != s.revision && !s.outcome.IsStalled()
		between := st.RestartNeeded && s.phase() != vm.PhaseRunning
		st.RestartNeeded = outdated || between
	}
	if s.revision != "" && s.state != nil && s.state.Revision == s.revision && !st.RestartNeeded {
		st.ObservedTemplateResourceVersion = s.template.ResourceVersion
		st.ObservedTemplateHash = s.hash
	}
}

// complete reports whether the instance was created completely.
func (s *scope) complete() bool { return s.state != nil && s.state.Revision != "" }

// created returns the condition Created, which is about the instance on disk.
func (s *scope) created() metav1.Condition {
	c := metav1.Condition{Type: limav1.ConditionCreated, Status: metav1.ConditionUnknown, Reason: limav1.ReasonPending, Message: s.waiting()}
	switch {
	case s.resetting():
	case s.refused():
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, s.outcome.Reason, s.outcome.Message
	case s.complete() && s.phase() != vm.PhaseBroken:
		return metav1.Condition{Type: limav1.ConditionCreated, Status: metav1.ConditionTrue, Reason: limav1.ReasonCreated}
	case s.deleting():
	case s.outcome.IsStalled():
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, s.outcome.Reason, s.outcome.Message
	case s.phase() == vm.PhaseIncomplete && s.failure(vm.OperationCreate) != nil:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, limav1.ReasonCreateFailed, failureMessage(s.state.Failure)
	}
	return c
}

// refused reports whether the instance cannot be created from the template, or changed to it. An
// existing machine stays as it is.
func (s *scope) refused() bool {
	return s.outcome.Reason == limav1.ReasonCreateFailed || s.outcome.Reason == limav1.ReasonNameTaken
}

// running returns the condition Running, which is about the machine.
func (s *scope) running() metav1.Condition {
	c := metav1.Condition{Type: limav1.ConditionRunning, Status: metav1.ConditionFalse, Message: s.waiting()}
	switch {
	case s.failure(vm.OperationDelete) != nil && (s.deleting() || s.resetting()):
		c.Reason, c.Message = limav1.ReasonStopFailed, failureMessage(s.state.Failure)
	case s.phase() == vm.PhaseDeleting, s.phase() == vm.PhaseStopping:
		c.Reason = limav1.ReasonStopping
	case s.deleting() && s.state == nil:
		c.Reason = limav1.ReasonStopped
	case !s.complete(), s.phase() == vm.PhaseBroken:
		c.Status, c.Reason = metav1.ConditionUnknown, limav1.ReasonReconciling
	case s.phase() == vm.PhaseStarting:
		c.Reason = limav1.ReasonStarting
	case s.phase() == vm.PhaseRunning:
		s.runningNow(&c)
	default:
		s.stopped(&c)
	}
	return c
}

// runningNow completes the condition Running for a machine that is up.
func (s *scope) runningNow(c *metav1.Condition) {
	c.Status, c.Reason = metav1.ConditionTrue, limav1.ReasonStarted
	if s.refused() {
		c.Message = "" // the condition Created has it
	}
	if units := s.state.FailedUnits; len(units) > 0 {
		c.Message = failedUnitsMessage(units)
	}
	if f := s.filesMissing(); f != nil {
		c.Message = "the next start will fail: " + failureMessage(f)
	}
	if f := s.failure(vm.OperationStop); f != nil && s.unwanted() {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, limav1.ReasonStopFailed, failureMessage(f)
	}
}

// failedUnitsMessage names units of the guest that fail.
func failedUnitsMessage(units []vm.FailedUnit) string {
	var names []string
	for _, u := range units {
		name := u.Name
		if u.Reason != "" {
			name += " (" + u.Reason + ")"
		}
		names = append(names, name)
	}
	return "failed in the guest: " + strings.Join(names, ", ")
}

// unwanted reports whether a machine that is up should stop, for good or for a restart.
func (s *scope) unwanted() bool {
	return !s.vm.Spec.Running || s.deleting() || s.state.RunningRevision != s.state.Revision
}

// stopped completes the condition Running for a machine that is down.
func (s *scope) stopped(c *metav1.Condition) {
	c.Reason = limav1.ReasonStopped
	if !s.vm.Spec.Running || s.deleting() {
		return
	}
	c.Reason = limav1.ReasonStarting
	switch f := s.failure(vm.OperationStart, vm.OperationRun); {
	case s.outcome.IsStalled():
		c.Reason = limav1.ReasonStartFailed
	case f != nil:
		c.Message = failureMessage(f)
		if f.Operation == vm.OperationStart {
			c.Reason = limav1.ReasonStartFailed
		}
	}
}

func (s *scope) deleting() bool { return !s.vm.DeletionTimestamp.IsZero() }

// waiting returns the message of conditions that are not final: the progress, or what is waited
// for.
func (s *scope) waiting() string {
	switch {
	case s.state != nil && s.state.Progress.Step != "":
		return progressText(s.state.Progress)
	case s.outcome.IsStalled():
		return s.outcome.Message
	case s.outcome.Err != nil && !apierrors.IsConflict(s.outcome.Err):
		return "trying again: " + s.outcome.Err.Error()
	default:
		return s.outcome.Why
	}
}

// progressText returns the progress of background work: "building image 3/5 42% (2 of 5 MB)". It
// has no time in it, which would cause a status write each second.
func progressText(p vm.Progress) string {
	text := p.Step
	if p.Total > 0 {
		text += fmt.Sprintf(" %d/%d", p.Index, p.Total)
	}
	if p.Percent > 0 {
		text += fmt.Sprintf(" %d%%", p.Percent)
	}
	if p.Detail != "" {
		text += " (" + p.Detail + ")"
	}
	return text
}
