// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// stopHangsAfter is how long a shutdown may take before it counts as hanging. An emulated guest on
// a busy host needs most of it.
const stopHangsAfter = 2 * time.Minute

// stopHangs: the guest was asked to shut down long ago.
func stopHangs(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStopping {
		return nil
	}
	s := f.state()
	if s.Since == nil || f.Now.Sub(s.Since.Time) < stopHangsAfter {
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

// paused: the machine is up, and its guest does not run.
func paused(f *Facts) *Cause {
	reason := f.reason(limav1.ConditionRunning)
	if !limav1.Paused(reason) {
		return nil
	}
	c := &Cause{Code: CodePaused, Blocked: limav1.Failed(reason), Next: f.command("start") + ", which resumes it"}
	message, hint := f.condition(limav1.ConditionRunning).Message, ""
	if failure := f.failure(vm.OperationRun); failure != nil {
		message, hint = failure.Message, failure.Hint
	}
	switch reason {
	case limav1.ReasonHostDiskFull, limav1.ReasonHostQuotaExceeded:
		c.Code, c.Next = CodeDiskFull, cmp.Or(hint, "make room there; the guest goes on by itself then")
	case limav1.ReasonHostDiskFailed:
		c.Next = cmp.Or(hint, "nothing to do but wait")
	case limav1.ReasonGuestSuspended:
		c.Next = "nothing to do but wait"
	}
	var first string
	first, c.Detail = lines(message)
	c.Summary = fmt.Sprintf("%s does not go on: %s.", f.subject(), first)
	return c
}

func startFailed(f *Facts) *Cause {
	if f.reason(limav1.ConditionRunning) != limav1.ReasonStartFailed {
		return nil
	}
	return f.classify(f.failure(vm.OperationStart, vm.OperationRun), f.condition(limav1.ConditionRunning).Message, "does not start")
}

// filesMissing: files that the next start needs are not there. The machine may run, or not be
// wanted.
func filesMissing(f *Facts) *Cause {
	failure := f.failure(vm.OperationStart)
	if failure == nil || vm.FaultKind(failure.Kind) != vm.FaultBroken {
		return nil
	}
	if f.reason(limav1.ConditionRunning) == limav1.ReasonStarted {
		return f.classify(failure, "", "runs, but cannot be started again")
	}
	return f.classify(failure, "", "cannot be started")
}

// crashLoop: the machine has ended by itself several times lately.
func crashLoop(f *Facts) *Cause {
	exits := RecentExits(f.Events, f.Now)
	if exits == nil || exits.Count < 2 || !f.VM.Spec.Running {
		return nil
	}
	first, rest := lines(exits.Cause)
	return &Cause{
		Code: CodeCrashLoop, Blocked: true, Detail: rest,
		Summary: fmt.Sprintf("%s ends by itself again and again, %d times lately, the last time %s ago: %s",
			f.subject(), exits.Count, duration.HumanDuration(f.Now.Sub(exits.Last.Time)), first),
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
