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
	// Code names the cause for programs. Codes are an interface: they never change.
	Code string `json:"code"`
	// Blocked says that nothing goes on until someone acts. Otherwise the wanted state is reached,
	// or work towards it goes on.
	Blocked bool `json:"blocked"`
	// Summary is one sentence in plain words.
	Summary string `json:"summary"`
	// Detail are lines to add, such as the end of a script's output.
	Detail []string `json:"detail,omitempty"`
	// Next is what to do, a command or a sentence; empty when there is nothing to do.
	Next string `json:"next,omitempty"`
}

// Codes of causes, which docs/cli/status-why.md describes.
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
	CodeUnobserved     = "NotSeenYet"
	CodeDeleting       = "Deleting"
	CodeFinalizer      = "FinalizerHeld"
	CodeNameTaken      = "NameTaken"
	CodeInstanceLost   = "InstanceLost"
	CodeDamaged        = "Damaged"
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

// Kinds of objects.
const (
	kindApp    = "App"
	kindLimaVM = "LimaVM"
)

// rule returns a cause if the facts show it, or else nil.
type rule func(*Facts) *Cause

// rules are tried in order. One that makes the facts of others meaningless comes first: without a
// daemon nothing else is known.
var rules = []rule{
	noInstance, storeFails, daemonUnavailable, noApp, controllerDisabled, appDeleting, appStalled, noVM,
	vmDeleting, nameTaken, instanceLost, createFailed, creating,
	stopHangs, stopFailed, startFailed, crashLoop, starting, stopping, filesMissing, restartPending,
	unobserved, engineNotReady, appNotSettled, damagedWhileUp, portConflict, unreadableObjects,
}

// Find returns the one cause that blocks the App or the virtual machine now. CodeNone says that
// nothing does.
func Find(f Facts) Cause {
	for _, r := range rules {
		if c := r(&f); c != nil {
			return *c
		}
	}
	return f.fine()
}

// subject is what a summary is about, as the beginning of a sentence.
func (f *Facts) subject() string {
	if f.AboutApp {
		return "The VM"
	}
	return fmt.Sprintf("LimaVM %q", f.VMName)
}

// object is the subject within a sentence.
func (f *Facts) object() string {
	if f.AboutApp {
		return "the VM"
	}
	return f.subject()
}

// owned reports whether the virtual machine is the App's: then the App's commands change it.
func (f *Facts) owned() bool {
	return f.VM != nil && slices.Contains(f.VM.Finalizers, appv1.FinalizerOwnedByApp)
}

// command is the rdd command that does verb to the subject: the App's or that of rdd limavm.
func (f *Facts) command(verb string) string {
	if f.AboutApp || f.owned() {
		return "rdd " + verb
	}
	return fmt.Sprintf("rdd limavm %s %s", verb, f.VMName)
}

// limavm is a command of rdd limavm for the subject; %s in format stands for the name.
func (f *Facts) limavm(format string) string { return fmt.Sprintf("rdd limavm "+format, f.VMName) }

// state of the LimaVM, by its own Events.
func (f *Facts) state() State {
	var events []Event
	for _, e := range f.Events {
		if e.On == kindLimaVM {
			events = append(events, e)
		}
	}
	return VMState(f.VM, events)
}

// fine returns the Cause of CodeNone.
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

// lines splits text into its first line and the other lines that are not blank.
func lines(text string) (first string, rest []string) {
	all := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range all[1:] {
		if line = strings.TrimRight(line, " \t\r"); line != "" {
			rest = append(rest, line)
		}
	}
	return strings.TrimSpace(all[0]), rest
}
