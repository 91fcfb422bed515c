// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/vm"
)

// failure is what failed last and has not been cured since, if that was one of operations; else
// nil. An object that an older rdd wrote has none.
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

// classify turns a failure into a cause; verb completes the sentence "LimaVM … cannot be made".
// Without a failure the message is said as it is.
func (f *Facts) classify(failure *limav1.Failure, message, verb string) *Cause {
	var c *Cause
	if failure != nil {
		c, message = f.known(failure), failure.Message
	}
	if c == nil {
		c = &Cause{Code: CodeStart, Next: f.command("start") + " tries again at once; " + f.limavm("logs %s -n 50") + " shows more"}
		c.Summary, c.Detail = lines(message)
	}
	c.Blocked, c.Summary = true, fmt.Sprintf("%s %s: %s", f.subject(), verb, c.Summary)
	return c
}

// known returns the cause for a kind of failure that there is more to say of than its message; else
// nil.
func (f *Facts) known(failure *limav1.Failure) *Cause {
	switch vm.FaultKind(failure.Kind) {
	case vm.FaultHost:
		return f.hostLacks(failure)
	case vm.FaultSpec:
		return f.badTemplate(failure)
	case vm.FaultScript:
		return f.badScript(failure)
	case vm.FaultProbe:
		return said(failure, CodeProbe, f.edit())
	case vm.FaultDiskFull:
		next := "make room (rdd image prune removes unused images), then " + f.command("start")
		return &Cause{Code: CodeDiskFull, Summary: "the disk is full.", Next: next}
	case vm.FaultPort:
		return said(failure, CodePortTaken, "end what uses the port, then "+f.command("start"))
	case vm.FaultBoot:
		return said(failure, CodeBoot, f.limavm("logs %s -n 50 -o serial,qemu"))
	case vm.FaultImageInvalid:
		return said(failure, CodeImage, f.edit())
	case vm.FaultImage, vm.FaultImageMissing:
		return said(failure, CodeImage, f.command("start")+" tries again at once")
	default:
		return nil
	}
}

// said is a cause that is described by the failure's message.
func said(failure *limav1.Failure, code, next string) *Cause {
	c := &Cause{Code: code, Next: next}
	c.Summary, c.Detail = lines(failure.Message)
	return c
}

func (f *Facts) hostLacks(failure *limav1.Failure) *Cause {
	c := said(failure, CodeHostLacks, "provide it")
	c.Summary += "."
	if cure, rest := lines(failure.Hint); cure != "" {
		c.Next, c.Detail = cure, append(c.Detail, rest...)
	}
	c.Next += ", then " + f.command("start")
	return c
}

// badTemplate leaves a ConfigMap that is not there, which no edit brings back, to its message.
func (f *Facts) badTemplate(failure *limav1.Failure) *Cause {
	if failure.Field == limav1.FieldTemplateRef {
		return nil
	}
	if f.owned() {
		return said(failure, CodeTemplate, "change the App: rdd ctl edit app app")
	}
	return said(failure, CodeTemplate, f.limavm("edit %s"))
}

// edit is the next step where the template's author has to think again.
func (f *Facts) edit() string {
	if f.owned() {
		return f.limavm("logs %s -n 50")
	}
	return f.limavm("edit %s") + ", which also starts it again"
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
