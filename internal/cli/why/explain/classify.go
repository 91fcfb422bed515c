// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"strings"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// failure returns the LimaVM's failure if it is one of these operations, or else nil. An object
// that an older rdd wrote has none.
func (f *Facts) failure(operations ...vm.Operation) *limav1.Failure {
	failure := f.VM.Status.Failure
	if failure == nil {
		return nil
	}
	for _, operation := range operations {
		if failure.Operation == string(operation) {
			return failure
		}
	}
	return nil
}

// classify turns a failure into a cause. verb completes the sentence "LimaVM … cannot be made".
// Without a failure the message is the summary.
func (f *Facts) classify(failure *limav1.Failure, message, verb string) *Cause {
	var c *Cause
	if failure != nil {
		c, message = f.known(failure), failure.Message
	}
	if c == nil {
		c = &Cause{Code: CodeStart, Next: f.limavm("logs %s -n 50") + " shows more"}
		if failure == nil || vm.FaultKind(failure.Kind) != vm.FaultBroken {
			c.Next = f.command("start") + " tries again at once; " + c.Next
		}
		c.Summary, c.Detail = lines(message)
	}
	c.Blocked, c.Summary = true, fmt.Sprintf("%s %s: %s", f.subject(), verb, c.Summary)
	return c
}

// known returns the cause for the kind of a failure; nil where there is nothing to add to the
// message. It goes by the kind alone, never by the text.
func (f *Facts) known(failure *limav1.Failure) *Cause {
	switch vm.FaultKind(failure.Kind) {
	case vm.FaultHost:
		return f.hostLacks(failure)
	case vm.FaultSpec:
		return f.badTemplate(failure)
	case vm.FaultScript:
		return f.badScript(failure)
	case vm.FaultProbe:
		return fromMessage(failure, CodeProbe, f.edit())
	case vm.FaultDiskFull:
		next := "make room (rdd image prune removes unused images), then " + f.command("start")
		return &Cause{Code: CodeDiskFull, Summary: "the disk is full.", Next: next}
	case vm.FaultPort:
		return fromMessage(failure, CodePortTaken, "end what uses the port, then "+f.command("start"))
	case vm.FaultBoot:
		next := f.bootLogs()
		if failure.Hint != "" {
			next += "; " + failure.Hint
		}
		return fromMessage(failure, CodeBoot, next)
	case vm.FaultImageInvalid:
		return fromMessage(failure, CodeImage, f.edit())
	case vm.FaultImageMissing:
		return fromMessage(failure, CodeImage, f.missingImage(failure))
	case vm.FaultImage:
		return fromMessage(failure, CodeImage, f.command("start")+" tries again at once")
	default:
		if failure.Hint != "" {
			return fromMessage(failure, CodeStart, failure.Hint)
		}
		return nil
	}
}

// bootLogs is the command that prints the logs that show why a guest does not boot.
func (f *Facts) bootLogs() string {
	if len(f.BootLogs) == 0 {
		return f.limavm("logs %s -n 50")
	}
	return f.limavm("logs %s -n 50 -o " + strings.Join(f.BootLogs, ","))
}

// fromMessage returns a cause whose summary and detail are the failure's message.
func fromMessage(failure *limav1.Failure, code, next string) *Cause {
	c := &Cause{Code: code, Next: next}
	c.Summary, c.Detail = lines(failure.Message)
	return c
}

func (f *Facts) hostLacks(failure *limav1.Failure) *Cause {
	c := fromMessage(failure, CodeHostLacks, "provide it")
	c.Summary += "."
	if hint, rest := lines(failure.Hint); hint != "" {
		c.Next, c.Detail = hint, append(c.Detail, rest...)
	}
	c.Next += ", then " + f.command("start")
	return c
}

// badTemplate returns nil for a ConfigMap that does not exist: no edit of the template helps then.
func (f *Facts) badTemplate(failure *limav1.Failure) *Cause {
	if failure.Field == limav1.FieldTemplateRef {
		return nil
	}
	if f.owned() {
		return fromMessage(failure, CodeTemplate, "change the App: rdd ctl edit app app")
	}
	return fromMessage(failure, CodeTemplate, f.limavm("edit %s"))
}

// edit is the next step where the template has to be changed.
func (f *Facts) edit() string {
	if f.owned() {
		return f.limavm("logs %s -n 50")
	}
	return f.limavm("edit %s") + ", which also starts it again"
}

// missingImage is the next step where nothing helps but another file at the location, or another
// location.
func (f *Facts) missingImage(failure *limav1.Failure) string {
	next := cmp.Or(failure.Hint, "make it available there") + ", then " + f.command("start")
	if f.owned() {
		return next
	}
	return next + "; or name another in the template: " + f.limavm("edit %s")
}

// badScript shows the script's output as it is.
func (f *Facts) badScript(failure *limav1.Failure) *Cause {
	summary, output, _ := strings.Cut(strings.TrimSpace(failure.Message), "\n")
	c := &Cause{Code: CodeProvision, Summary: summary + ".", Next: f.edit()}
	if output != "" {
		c.Detail = strings.Split(output, "\n")
	}
	return c
}
