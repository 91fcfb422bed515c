// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
)

// UnavailableError says that a file cannot be obtained from its location: the server refuses, is
// not reached, or there is no such file.
type UnavailableError struct {
	Location string
	Reason   string
	// Temporary says that another attempt may help soon.
	Temporary bool
	// Err is the cause; nil where Reason says it all.
	Err error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s is not available: %s", vm.Redacted(e.Location), vm.RedactedURLs(e.Reason))
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Fault returns the error as a value: see vm.FaultOf. Where somebody has to act it has a hint.
func (e *UnavailableError) Fault() *vm.Fault {
	if e.Temporary {
		return &vm.Fault{Kind: vm.FaultImage}
	}
	f := &vm.Fault{Kind: vm.FaultImageMissing, Hint: "make it available there"}
	switch {
	case errors.As(e.Err, new(*regular.NotRegularError)):
		f.Hint = "put a regular file there"
	case errors.Is(e.Err, fs.ErrNotExist):
		f.Hint = "put the file there"
	case errors.Is(e.Err, fs.ErrPermission):
		f.Hint = "let it be read"
	}
	return f
}

// InterruptedError says that a download broke off and made no progress in several attempts. What
// has arrived is kept, and the next call goes on from there.
type InterruptedError struct {
	Location string
	// Have of Want bytes have arrived; Want is -1 when the server does not say.
	Have, Want int64
	Err        error
}

func (e *InterruptedError) Error() string {
	total := ""
	if e.Want >= 0 {
		total = " of " + Megabytes(e.Want)
	}
	return fmt.Sprintf("the download of %s broke off after %s%s: %s",
		vm.Redacted(e.Location), Megabytes(e.Have), total, vm.RedactedURLs(fmt.Sprint(e.Err)))
}

// Unwrap returns the cause of the last attempt's end.
func (e *InterruptedError) Unwrap() error { return e.Err }

// Fault returns the error as a value: see vm.FaultOf.
func (e *InterruptedError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImage} }

// DigestError says that a file does not have the digest that the template gives. Nothing of it is
// kept.
type DigestError struct{ Location, Want, Got string }

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s is not the file that the template means: its digest is %s, the template wants %s; "+
		"correct the digest or the location", vm.Redacted(e.Location), e.Got, e.Want)
}

// Fault returns the error as a value: see vm.FaultOf.
func (e *DigestError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImageInvalid} }

// FormatError says that a file is not a disk that a machine could boot from, or no kernel or
// initrd.
type FormatError struct{ Location, Reason string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s cannot be used: %s", vm.Redacted(e.Location), vm.RedactedURLs(e.Reason))
}

// Fault returns the error as a value: see vm.FaultOf.
func (e *FormatError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImageInvalid} }

// SourcesError says why none of several images could be obtained, in the order in which they were
// tried.
type SourcesError struct{ Errs []error }

func (e *SourcesError) Error() string {
	lines := []string{fmt.Sprintf("none of the %d images for this host could be had:", len(e.Errs))}
	for _, err := range e.Errs {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n  ")
}

// Unwrap returns the errors of all sources.
func (e *SourcesError) Unwrap() []error { return e.Errs }

// Fault returns the error as a value: see vm.FaultOf. If any of the images may be available soon,
// it is of kind FaultImage, which is tried again soon. Otherwise it is the fault of the last image,
// after which no other was tried.
func (e *SourcesError) Fault() *vm.Fault {
	for _, err := range e.Errs {
		if vm.Retryable(err) {
			return &vm.Fault{Kind: vm.FaultImage}
		}
	}
	return vm.FaultOf(e.Errs[len(e.Errs)-1])
}

// Megabytes formats a number of bytes for messages, in units of 10^6.
func Megabytes(bytes int64) string {
	if bytes < 10e6 {
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%d MB", bytes/1e6)
}
