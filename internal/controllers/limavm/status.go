// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/reconcile"
	"rancherdesktop.io/rdd/internal/vm"
)

// status is what the LimaVM's status becomes, from what was seen in the pass alone.
func status(s *scope) limav1.LimaVMStatus {
	st := s.vm.Status.DeepCopy()
	if s.template != nil {
		st.TemplateConfigMap = s.template.Name
	}
	if s.observed {
		st.LastRestartRequest, st.LastResetRequest = s.noted().restart, s.noted().reset
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

func (s *scope) has(conditionType string) bool {
	return len(reconcile.OwnConditions(s.vm.Status.Conditions, conditionType)) > 0
}

// setMachine reports the machine and counts each start that reached Running once.
func (s *scope) setMachine(st *limav1.LimaVMStatus) {
	st.BootID, st.SSHLocalPort, st.Accelerator, st.Message, st.PortForwards = "", 0, "", "", nil
	if s.state == nil {
		return
	}
	st.BootID, st.SSHLocalPort, st.Accelerator = s.state.BootID, int32(s.state.SSHPort), s.state.Accelerator
	st.Message = reconcile.Truncate(s.state.Message)
	for _, f := range s.state.Forwards {
		st.PortForwards = append(st.PortForwards, limav1.PortForward(f))
	}
	if s.phase() == vm.PhaseRunning && s.state.StartID != st.LastStartID {
		st.RestartCount++
		st.LastStartID = s.state.StartID
	}
}

// setTemplate says which template is in force and whether a restart is due. While one into a
// changed template is due or going on, the old one is in force.
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

// complete reports whether the instance is all there.
func (s *scope) complete() bool { return s.state != nil && s.state.Revision != "" }

// created judges the instance on disk.
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

// refused says that the instance cannot be made, or made into, what the template says. A machine
// that is there stays as it is.
func (s *scope) refused() bool {
	return s.outcome.Reason == limav1.ReasonCreateFailed || s.outcome.Reason == limav1.ReasonNameTaken
}

// running judges the machine.
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

// runningNow judges a machine that is up.
func (s *scope) runningNow(c *metav1.Condition) {
	c.Status, c.Reason = metav1.ConditionTrue, limav1.ReasonStarted
	if s.refused() {
		c.Message = "" // the condition Created says it
	}
	if f := s.failure(vm.OperationStop); f != nil && s.unwanted() {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, limav1.ReasonStopFailed, failureMessage(f)
	}
}

// unwanted says that a machine which is up is to stop, for good or to be started anew.
func (s *scope) unwanted() bool {
	return !s.vm.Spec.Running || s.deleting() || s.state.RunningRevision != s.state.Revision
}

// stopped judges a machine that is down.
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

// waiting says what goes on or what is in the way.
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

// progressText says how far background work is: "building image 3/5 42% (2 of 5 MB)". It
// carries no time, which would be a write for each second.
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
