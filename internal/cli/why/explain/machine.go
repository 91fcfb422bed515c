// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// stopPatience is how long a shutdown takes at most before it is said to hang: the emulated
// guest of a busy host needs most of it.
const stopPatience = 2 * time.Minute

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
	why := "its controller has not looked at it yet"
	if settled := f.settled(); settled != nil && settled.Message != "" {
		why = FirstLine(settled.Message)
	}
	return &Cause{Code: CodeNoVM, Summary: "The App has no LimaVM yet: " + why + ".", Next: "rdd start, which waits for it"}
}

// condition of the LimaVM; nil when nobody has looked at the LimaVM as it is now.
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

// vmDeleting: what holds a LimaVM that is being deleted.
func vmDeleting(f *Facts) *Cause {
	if f.VM.DeletionTimestamp == nil {
		return nil
	}
	name := fmt.Sprintf("LimaVM %q", f.VM.Name)
	resource := fmt.Sprintf("limavm/%s -n %s", f.VM.Name, f.VM.Namespace)
	if c := foreignFinalizer(name, resource, f.VM.Finalizers, limav1.FinalizerCleanup, appv1.FinalizerOwnedByApp); c != nil {
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

// nameTaken: the instance directory is somebody else's.
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

// createFailed: the instance could not be made, or not be changed.
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

// underWay: something goes on that ends by itself.
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

// stopHangs: the guest was asked to shut down long ago.
func stopHangs(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStopping {
		return nil
	}
	s := f.state()
	if s.Since == nil || f.Now.Sub(s.Since.Time) < stopPatience {
		return nil
	}
	return &Cause{
		Code: CodeStopHangs, Blocked: true, Detail: f.Console,
		Summary: fmt.Sprintf(
			"%s does not shut down: the guest was asked to %s ago.", f.subject(), duration.HumanDuration(f.Now.Sub(s.Since.Time)),
		),
		Next: f.limavm("stop %s --force") + " (what the guest has not written is lost)",
	}
}

func stopFailed(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStopFailed {
		return nil
	}
	first, rest := f.message(limav1.ConditionRunning)
	return &Cause{
		Code: CodeStop, Blocked: true, Summary: f.subject() + " cannot be stopped: " + first, Detail: rest,
		Next: f.limavm("stop %s --force") + " (what the guest has not written is lost)",
	}
}

func startFailed(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStartFailed {
		return nil
	}
	return f.classify(f.failure(vm.OperationStart, vm.OperationRun), f.condition(limav1.ConditionRunning).Message, "does not start")
}

// crashLoop: the machine ends by itself again and again.
func crashLoop(f *Facts) *Cause {
	deaths := LastDeaths(f.Events, f.Now)
	if deaths == nil || deaths.Count < 2 || !f.VM.Spec.Running {
		return nil
	}
	first, rest := lines(deaths.Cause)
	return &Cause{
		Code: CodeCrashLoop, Blocked: true, Detail: rest,
		Summary: fmt.Sprintf("%s ends by itself again and again, %d times lately, the last time %s ago: %s",
			f.subject(), deaths.Count, duration.HumanDuration(f.Now.Sub(deaths.Last.Time)), first),
		Next: f.limavm("logs %s -n 50 -o all"),
	}
}

func starting(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStarting {
		return nil
	}
	under := f.underWay(CodeStarting, "is starting")
	failed := f.failure(vm.OperationStart)
	if failed == nil {
		return under
	}
	c := f.classify(failed, failed.Message, "is starting again, and its last start failed")
	if s := f.state(); s.moving() && s.Message != "" {
		c.Summary += " It is at: " + brief(s.Message) + "."
	}
	return c
}

func stopping(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStopping {
		return nil
	}
	if f.VM.Status.RestartNeeded {
		return f.underWay(CodeRestart, "is shutting down to be started again")
	}
	return f.underWay(CodeStopping, "is shutting down")
}

// restartPending: a change waits for the restart of a machine that runs.
func restartPending(f *Facts) *Cause {
	if !f.VM.Status.RestartNeeded {
		return nil
	}
	return &Cause{
		Code: CodeRestart, Summary: f.subject() + " runs, and is about to be restarted into its changed template.",
		Next: "nothing to do but wait",
	}
}

// unseen: no controller has looked at the LimaVM as it is now, or what it asks for is not so
// without a word why.
func unseen(f *Facts) *Cause {
	running := f.condition(limav1.ConditionRunning)
	switch {
	case running == nil:
		return &Cause{
			Code: CodeUnseen, Summary: f.subject() + " was changed, and its controller has not looked at it yet.",
			Next: "rdd service logs, if that stays so",
		}
	case (running.Status == metav1.ConditionTrue) == f.VM.Spec.Running:
		return nil
	case running.Message != "":
		return &Cause{
			Code: CodeUnseen, Summary: f.subject() + " is not as it should be yet: " + FirstLine(running.Message),
			Next: "rdd service logs, if that stays so",
		}
	default:
		return &Cause{Code: CodeUnseen, Summary: f.subject() + " is not as it should be yet.", Next: "rdd service logs, if that stays so"}
	}
}

// portConflict: the machine runs, and a port of it cannot be reached.
func portConflict(f *Facts) *Cause {
	for _, p := range f.VM.Status.PortForwards {
		if p.Error == "" {
			continue
		}
		return &Cause{
			Code: CodePort, Blocked: true,
			Summary: fmt.Sprintf("%s runs, but its port %s cannot be reached at %s: %s.", f.subject(), p.Guest, p.Host, p.Error),
			Next:    "end what uses " + p.Host + " on this host, or publish another port (in a template: portForwards)",
		}
	}
	return nil
}
