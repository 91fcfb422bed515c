// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// FaultKind says what kind of failure it is: one word, as reasons are in the Kubernetes API.
// Programs decide by it. New kinds may be added; one that is not known counts as FaultUnknown.
type FaultKind string

const (
	// FaultSpec: the template or the params ask for what cannot be. Fault.Field says where.
	FaultSpec FaultKind = "Spec"
	// FaultNameTaken: a name that is needed belongs to somebody else.
	FaultNameTaken FaultKind = "NameTaken"
	// FaultHost: the host lacks something. Fault.Missing says what, Fault.Hint how to get it.
	FaultHost FaultKind = "Host"
	// FaultDiskFull: a write failed because there is no space left.
	FaultDiskFull FaultKind = "DiskFull"
	// FaultImage: the image cannot be obtained now: a download broke off, a server is busy, a build
	// failed.
	FaultImage FaultKind = "Image"
	// FaultImageMissing: the image is not at its location: there is no such file, or access is
	// refused.
	FaultImageMissing FaultKind = "ImageMissing"
	// FaultImageInvalid: the image is not the one that the template means, or no machine boots from
	// it.
	FaultImageInvalid FaultKind = "ImageInvalid"
	// FaultBoot: QEMU does not start, or the guest does not boot.
	FaultBoot FaultKind = "Boot"
	// FaultScript: a script in the guest failed. Fault.Field is ScriptBoot or ScriptProvision,
	// Fault.Output the end of its log.
	FaultScript FaultKind = "Script"
	// FaultProbe: a probe of the template has not passed. Fault.Field says which.
	FaultProbe FaultKind = "Probe"
	// FaultPort: a port on the host that the machine needs is in use.
	FaultPort FaultKind = "Port"
	// FaultProcessEnded: the machine's processes ended by themselves, were killed, or went down
	// with the host.
	FaultProcessEnded FaultKind = "ProcessEnded"
	// FaultBroken: the instance directory cannot be read or used.
	FaultBroken FaultKind = "Broken"
	// FaultUnknown: anything else.
	FaultUnknown FaultKind = "Unknown"
)

// FaultKinds lists all kinds.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultSpec, FaultNameTaken, FaultHost, FaultDiskFull, FaultImage, FaultImageMissing, FaultImageInvalid,
		FaultBoot, FaultScript, FaultProbe, FaultPort, FaultProcessEnded, FaultBroken, FaultUnknown,
	}
}

// Retryable reports whether trying again soon, with back-off, may help. What only changes when
// someone acts is tried again slowly.
//
//	again soon   Image, Boot, Script, Probe, Port, ProcessEnded, Unknown, and kinds of a newer rdd
//	slowly       Spec, NameTaken, Host, DiskFull, ImageMissing, ImageInvalid, Broken
//
// Scripts and probes are among the first: most of them fail because of a network or a server.
func (k FaultKind) Retryable() bool {
	switch k {
	case FaultSpec, FaultNameTaken, FaultHost, FaultDiskFull, FaultImageMissing, FaultImageInvalid, FaultBroken:
		return false
	default:
		return true
	}
}

// The guest's scripts, in Fault.Field.
const (
	// ScriptBoot prepares the guest before ssh and container engines start.
	ScriptBoot = "boot"
	// ScriptProvision runs the template's provisioning scripts after that.
	ScriptProvision = "provision"
)

// Fault is a failure as a value. It stays the same from where it happens, over the boundaries of
// processes, to the API. It is an error, and encodes to JSON and back without loss.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Field is the path in the template that it is about, "images[0].location", or the guest's script.
	Field string `json:"field,omitempty"`
	// Missing is what the host lacks.
	Missing string `json:"missing,omitempty"`
	// Hint is the remedy: a command or a sentence.
	Hint string `json:"hint,omitempty"`
	// ExitCode and Output are those of a program that failed: a script, a probe, a step of a build.
	ExitCode int    `json:"exitCode,omitempty"`
	Output   string `json:"output,omitempty"`
	// Text is the whole message for people: what Error returns.
	Text string `json:"text,omitempty"`
}

// Error implements error.
func (f *Fault) Error() string { return f.Text }

// Fault makes a *Fault a carrier of itself: see FaultOf.
func (f *Fault) Fault() *Fault { return f }

// Summary returns what happened in one line, which lines of output may follow. It leaves out the
// hint, and what was being done where the kind alone says it.
func (f *Fault) Summary() string {
	switch {
	case f.Kind == FaultHost && f.Missing != "":
		return "this host lacks " + f.Missing
	case f.Kind == FaultScript && f.ExitCode != 0:
		script := "a provisioning script"
		if f.Field == ScriptBoot {
			script = "a script that prepares the boot"
		}
		return strings.TrimSpace(fmt.Sprintf("%s failed with exit code %d\n%s", script, f.ExitCode, f.Output))
	default:
		return f.Text
	}
}

// carrier is an error that knows its fault. Text may be empty: the error's own is taken.
type carrier interface {
	error
	Fault() *Fault
}

// FaultOf returns the fault that err is or carries, as a copy with the text of all of err. An error
// that carries none is of kind FaultDiskFull when it wraps ENOSPC or EDQUOT, else FaultUnknown. It
// is nil for a nil error only.
//
// An error carries a fault when it, or one that it wraps, has a method Fault() *Fault; the
// outermost counts.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	f := Fault{Kind: FaultUnknown}
	var c carrier
	switch {
	case errors.As(err, &c):
		f = *c.Fault()
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		f.Kind = FaultDiskFull
	}
	f.Text = err.Error()
	return &f
}

// Retryable reports whether trying again soon may help: see FaultKind.Retryable.
func Retryable(err error) bool { return err == nil || FaultOf(err).Kind.Retryable() }

// WithKind returns err as a fault of a kind, unless the kind is known already. The text stays,
// and so does what err wraps. nil stays nil.
func WithKind(kind FaultKind, err error) error {
	if err == nil || FaultOf(err).Kind != FaultUnknown {
		return err
	}
	return &ofKind{kind: kind, error: err}
}

// ofKind is an error whose kind is known to the caller of what failed.
type ofKind struct {
	kind FaultKind
	error
}

// Unwrap returns the error itself.
func (e *ofKind) Unwrap() error { return e.error }

// Fault implements carrier.
func (e *ofKind) Fault() *Fault { return &Fault{Kind: e.kind} }
