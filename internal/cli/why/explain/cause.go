// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strings"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// Cause is the one thing that keeps an App or a virtual machine from being what it should be.
type Cause struct {
	// Code names the cause for programs; it stays the same.
	Code string `json:"code"`
	// Blocked says that nothing moves on until someone acts; otherwise it is as it should be, or on
	// its way.
	Blocked bool `json:"blocked"`
	// Summary is one sentence in plain words.
	Summary string `json:"summary"`
	// Detail is what there is to add: a script's last lines.
	Detail []string `json:"detail,omitempty"`
	// Next is what to do: a command or a sentence; empty when there is nothing to do.
	Next string `json:"next,omitempty"`
}

// Codes of causes.
const (
	CodeNone           = "None"
	CodeNoInstance     = "NoInstance"
	CodeDaemonDown     = "DaemonDown"
	CodeDaemonChanging = "DaemonChanging"
	CodeDaemonSilent   = "DaemonSilent"
	CodeStoreFull      = "StoreFull"
	CodeStoreFailing   = "StoreFailing"
	CodeController     = "ControllerDisabled"
	CodeNoApp          = "NoApp"
	CodeNoVM           = "NoVM"
	CodeUnclaimed      = "Unclaimed"
	CodeForeign        = "ForeignObject"
	CodeBootstrap      = "BootstrapFailed"
	CodeRetrying       = "Retrying"
	CodeUnseen         = "NotSeenYet"
	CodeDeleting       = "Deleting"
	CodeFinalizer      = "FinalizerHeld"
	CodeNameTaken      = "NameTaken"
	CodeTemplate       = "TemplateRefused"
	CodeHostLacks      = "HostLacks"
	CodeDiskFull       = "DiskFull"
	CodeImage          = "ImageFailed"
	CodeCreate         = "CreateFailed"
	CodeCreating       = "Creating"
	CodeProvision      = "ProvisioningFailed"
	CodeProbe          = "ProbeFailed"
	CodeBoot           = "BootFailed"
	CodePortTaken      = "PortTaken"
	CodeStart          = "StartFailed"
	CodeStarting       = "Starting"
	CodeCrashLoop      = "CrashLoop"
	CodeStop           = "StopFailed"
	CodeStopHangs      = "StopHangs"
	CodeStopping       = "Stopping"
	CodeRestart        = "RestartPending"
	CodeApplying       = "ApplyingTemplate"
	CodeEngine         = "WaitingForEngine"
	CodePort           = "PortConflict"
	CodeSettling       = "NotSettled"
)

// kindLimaVM is the kind of a LimaVM's events.
const kindLimaVM = "LimaVM"

// rule returns the cause it knows of, if that is what the facts show.
type rule func(*Facts) *Cause

// rules in order: what keeps others from being judged comes first.
var rules = []rule{
	noInstance, storeFails, daemonAway, noApp, controllerDisabled, appDeleting, appStalled, noVM,
	vmDeleting, nameTaken, createFailed, creating,
	stopHangs, stopFailed, startFailed, crashLoop, starting, stopping, restartPending,
	unseen, engineAway, appNotSettled, portConflict, badObjects,
}

// Find returns the one cause that blocks the App or the virtual machine now; one of CodeNone says
// that nothing does.
func Find(f Facts) Cause {
	for _, r := range rules {
		if c := r(&f); c != nil {
			return *c
		}
	}
	return f.fine()
}

// subject is what the sentence is about.
func (f *Facts) subject() string {
	if f.AboutApp {
		return "The VM"
	}
	return fmt.Sprintf("LimaVM %q", f.VMName)
}

// object is what the sentence is about where it does not begin with that.
func (f *Facts) object() string {
	if f.AboutApp {
		return "the VM"
	}
	return f.subject()
}

// owned says that the virtual machine is the App's: then the App's commands change it.
func (f *Facts) owned() bool {
	return f.VM != nil && slices.Contains(f.VM.Finalizers, appv1.FinalizerOwnedByApp)
}

// command is an rdd command for the subject: the App's if it is the App's.
func (f *Facts) command(verb string) string {
	if f.AboutApp || f.owned() {
		return "rdd " + verb
	}
	return fmt.Sprintf("rdd limavm %s %s", verb, f.VMName)
}

// limavm is a command that there is for LimaVMs only.
func (f *Facts) limavm(format string) string { return fmt.Sprintf("rdd limavm "+format, f.VMName) }

// state of the LimaVM, by its own events.
func (f *Facts) state() State {
	var events []Event
	for _, e := range f.Events {
		if e.On == kindLimaVM {
			events = append(events, e)
		}
	}
	return Machine(f.VM, events)
}

// fine says that nothing blocks.
func (f *Facts) fine() Cause {
	c := Cause{Code: CodeNone, Summary: f.subject() + " is as it should be: nothing blocks it."}
	if f.VM == nil {
		return c
	}
	switch f.state().State {
	case limav1.ReasonStarted:
		c.Summary = f.subject() + " runs: nothing blocks it."
	case limav1.ReasonStopped:
		c.Summary = f.subject() + " is stopped, as it should be: nothing blocks it."
		c.Next = f.command("start")
	}
	return c
}

// lines splits text into a first line and the others that hold something.
func lines(text string) (first string, rest []string) {
	all := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range all[1:] {
		if line = strings.TrimRight(line, " \t\r"); line != "" {
			rest = append(rest, line)
		}
	}
	return strings.TrimSpace(all[0]), rest
}
