// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// noVM: there is no LimaVM.
func noVM(f *Facts) *Cause {
	switch {
	case f.VM != nil:
		return nil
	case f.AboutApp:
		return f.appWithoutVM()
	case f.Directory.Exists && !f.Directory.Foreign && !f.Directory.Damaged:
		return &Cause{
			Code: CodeUnclaimed, Blocked: true,
			Summary: fmt.Sprintf("There is no LimaVM %q any more, but its instance directory is left: %s.", f.VMName, f.Directory.Path),
			Next:    f.limavm("adopt %s") + " takes it back; " + f.limavm("delete %s --unclaimed") + " removes it with its disk",
		}
	default:
		return &Cause{
			Code: CodeNoVM, Blocked: true, Summary: fmt.Sprintf("There is no LimaVM %q in any namespace.", f.VMName), Next: "rdd limavm list",
		}
	}
}

func (f *Facts) appWithoutVM() *Cause {
	if c := heldCause("The App has no LimaVM yet: the deletion of what was there before", nil, f.HeldApp); c != nil {
		return c
	}
	why := "its controller has not looked at it yet"
	if settled := f.settled(); settled != nil && settled.Message != "" {
		why = FirstLine(settled.Message)
	}
	return &Cause{Code: CodeNoVM, Summary: "The App has no LimaVM yet: " + why + ".", Next: "rdd start, which waits for it"}
}

// condition of the LimaVM; nil when no controller has observed this generation.
func (f *Facts) condition(name string) *metav1.Condition {
	c := meta.FindStatusCondition(f.VM.Status.Conditions, name)
	if c == nil || c.ObservedGeneration < f.VM.Generation {
		return nil
	}
	return c
}

func (f *Facts) reason(name string) string {
	if c := f.condition(name); c != nil {
		return c.Reason
	}
	return ""
}

func (f *Facts) message(name string) (first string, rest []string) {
	if c := f.condition(name); c != nil {
		return lines(c.Message)
	}
	return "", nil
}

// vmDeleting: the LimaVM is being deleted and waits for something.
func vmDeleting(f *Facts) *Cause {
	if f.VM.DeletionTimestamp == nil {
		return nil
	}
	name := fmt.Sprintf("LimaVM %q", f.VM.Name)
	if c := heldCause("The deletion of "+name, HeldBy(kindLimaVM, "limavm", f.VM), f.HeldVM); c != nil {
		return c
	}
	if f.reason(limav1.ConditionRunning) == limav1.ReasonStopFailed {
		return stopFailed(f)
	}
	c := &Cause{Code: CodeDeleting, Summary: name + " is being deleted", Next: f.command("delete") + ", which waits for it"}
	if why := f.deletingWhy(); why != "" {
		c.Summary += ": " + why
	}
	c.Summary += " for " + duration.HumanDuration(f.Now.Sub(f.VM.DeletionTimestamp.Time)) + "."
	return c
}

func (f *Facts) deletingWhy() string {
	for _, c := range f.VM.Status.Conditions {
		if c.Status != metav1.ConditionTrue && c.Message != "" {
			return FirstLine(c.Message)
		}
	}
	return ""
}

// nameTaken: the instance directory belongs to another LimaVM, or is not rdd's.
func nameTaken(f *Facts) *Cause {
	if f.reason(limav1.ConditionCreated) != limav1.ReasonNameTaken {
		return nil
	}
	first, rest := f.message(limav1.ConditionCreated)
	c := &Cause{Code: CodeNameTaken, Blocked: true, Summary: f.subject() + " cannot be made: " + first, Detail: rest}
	switch {
	case f.Directory.Foreign:
		c.Next = "move " + f.Directory.Path + " away if it is not needed, or give the LimaVM another name"
	case f.Directory.OwnerName != "":
		c.Next = fmt.Sprintf("delete this LimaVM, then take the directory back (%s) or remove it (%s), or give the LimaVM another name",
			f.limavm("adopt %s"), f.limavm("delete %s --unclaimed"))
	default:
		c.Next = "give the LimaVM another name"
	}
	return c
}

// instanceLost: the instance directory has vanished.
func instanceLost(f *Facts) *Cause {
	if f.reason(limav1.ConditionCreated) != limav1.ReasonInstanceLost {
		return nil
	}
	c := &Cause{Code: CodeInstanceLost, Blocked: true, Summary: "The directory of " + f.object() + " has vanished with its disk"}
	if f.Directory.Path != "" {
		c.Summary += ": " + f.Directory.Path
	}
	c.Summary += "."
	c.Next = "bring the directory back, or mount its volume: it goes on by itself then; " + f.command("reset") +
		" makes the machine anew with an empty disk"
	return c
}

// damagedWhileUp: something of the machine is lost, and it goes on without until it stops.
func damagedWhileUp(f *Facts) *Cause {
	failure := f.failure("")
	if failure == nil || failure.Kind != string(vm.FaultBroken) {
		return nil
	}
	c := fromMessage(failure, CodeDamaged, failure.Hint)
	c.Blocked, c.Summary = true, f.subject()+" is up, but something of it is lost: "+c.Summary
	return c
}

// createFailed: the instance could not be created or changed.
func createFailed(f *Facts) *Cause {
	if f.reason(limav1.ConditionCreated) != limav1.ReasonCreateFailed {
		return nil
	}
	verb := "cannot be made"
	if f.reason(limav1.ConditionRunning) == limav1.ReasonStarted {
		verb = "runs, but cannot become what its template says now"
	}
	c := f.classify(f.failure(vm.OperationCreate), f.condition(limav1.ConditionCreated).Message, verb)
	if c.Code == CodeStart {
		c.Code = CodeCreate
	}
	return c
}

func creating(f *Facts) *Cause {
	created := meta.FindStatusCondition(f.VM.Status.Conditions, limav1.ConditionCreated)
	if created == nil || created.Status != metav1.ConditionUnknown {
		return nil
	}
	return f.underWay(CodeCreating, "is being made")
}

// underWay returns the cause for work that goes on and ends by itself. doing completes the sentence
// that begins with the subject.
func (f *Facts) underWay(code, doing string) *Cause {
	c := &Cause{Code: code, Summary: f.subject() + " " + doing, Next: "nothing to do but wait"}
	s := f.state()
	if message := FirstLine(s.Message); message != "" {
		c.Summary += ": " + message
	}
	since := f.Directory.StepSince
	if since.IsZero() && s.Since != nil {
		since = s.Since.Time
	}
	if !since.IsZero() {
		c.Summary += " for " + duration.HumanDuration(f.Now.Sub(since))
	}
	c.Summary += "."
	return c
}

// unobserved: no controller has observed this generation of the LimaVM, or Running is not as its
// spec says and no other rule knows why.
func unobserved(f *Facts) *Cause {
	running := f.condition(limav1.ConditionRunning)
	switch {
	case running == nil:
		return &Cause{
			Code: CodeUnobserved, Summary: f.subject() + " was changed, and its controller has not looked at it yet.",
			Next: "rdd service logs, if that stays so",
		}
	case (running.Status == metav1.ConditionTrue) == f.VM.Spec.Running:
		return nil
	case running.Message != "":
		return &Cause{
			Code: CodeUnobserved, Summary: f.subject() + " is not as it should be yet: " + FirstLine(running.Message),
			Next: "rdd service logs, if that stays so",
		}
	default:
		return &Cause{Code: CodeUnobserved, Summary: f.subject() + " is not as it should be yet.", Next: "rdd service logs, if that stays so"}
	}
}

// unitFailed: the machine runs, and a service that its guest needs fails.
func unitFailed(f *Facts) *Cause {
	units := f.VM.Status.FailedUnits
	if len(units) == 0 || f.reason(limav1.ConditionRunning) != limav1.ReasonStarted {
		return nil
	}
	first := units[0]
	c := &Cause{
		Code: CodeUnit, Blocked: true, Summary: fmt.Sprintf("%s runs, but %s fails in its guest", f.subject(), first.Name),
		Next: fmt.Sprintf("%s sudo journalctl -u %s, which says more", f.command("shell"), first.Name),
	}
	if first.Reason != "" {
		c.Summary += ": " + first.Reason
	}
	c.Summary += "."
	for _, other := range units[1:] {
		c.Detail = append(c.Detail, strings.TrimSpace(other.Name+" "+other.Reason))
	}
	return c
}

// portConflict: the machine runs, and a port of it cannot be reached.
func portConflict(f *Facts) *Cause {
	for _, p := range f.VM.Status.PortForwards {
		if p.Error == "" || p.Host == "" {
			continue
		}
		if p.Reverse {
			return &Cause{
				Code: CodePort, Blocked: true,
				Summary: fmt.Sprintf("%s runs, but its socket %s does not lead to the host's %s: %s.", f.subject(), p.Guest, p.Host, p.Error),
				Next:    "see that the guest's user may make that socket, or change the rule in portForwards of the template",
			}
		}
		return &Cause{
			Code: CodePort, Blocked: true,
			Summary: fmt.Sprintf("%s runs, but its port %s cannot be reached at %s: %s.", f.subject(), p.Guest, p.Host, p.Error),
			Next:    "end what uses " + p.Host + " on this host, or publish another port (in a template: portForwards)",
		}
	}
	return nil
}
