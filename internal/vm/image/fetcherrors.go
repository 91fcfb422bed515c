// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"

	"rancherdesktop.io/rdd/internal/vm"
)

// UnavailableError says that a location does not give what a template wants from it: the server refuses, is not
// reached, or there is no such file.
type UnavailableError struct {
	Location string
	Reason   string
	// Passing says that it may be otherwise soon.
	Passing bool
	Err     error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("%s is not available: %s", redacted(e.Location), e.Reason)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// Fault returns the error as a value: see vm.FaultOf.
func (e *UnavailableError) Fault() *vm.Fault {
	if e.Passing {
		return &vm.Fault{Kind: vm.FaultImage}
	}
	return &vm.Fault{Kind: vm.FaultImageMissing}
}

// InterruptedError says that a download broke off and did not come further in several attempts. The next
// one goes on where it ended.
type InterruptedError struct {
	Location string
	// Have of Want bytes have arrived; Want is -1 when the server does not say.
	Have, Want int64
	Err        error
}

func (e *InterruptedError) Error() string {
	total := ""
	if e.Want >= 0 {
		total = " of " + megabytes(e.Want)
	}
	return fmt.Sprintf("the download of %s broke off after %s%s: %v", redacted(e.Location), megabytes(e.Have), total, e.Err)
}

func (e *InterruptedError) Unwrap() error { return e.Err }

// Fault returns the error as a value: see vm.FaultOf.
func (e *InterruptedError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImage} }

// DigestError says that a file is not the one that the template means. Nothing of it is kept.
type DigestError struct{ Location, Want, Got string }

func (e *DigestError) Error() string {
	return fmt.Sprintf("%s is not the file that the template means: its digest is %s, the template wants %s; correct the digest or the location",
		redacted(e.Location), e.Got, e.Want)
}

// Fault returns the error as a value: see vm.FaultOf.
func (e *DigestError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImageInvalid} }

// FormatError says that a file is not a disk that a machine could boot from.
type FormatError struct{ Location, Reason string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s cannot be used: %s", redacted(e.Location), e.Reason)
}

// Fault returns the error as a value: see vm.FaultOf.
func (e *FormatError) Fault() *vm.Fault { return &vm.Fault{Kind: vm.FaultImageInvalid} }

// SourcesError says why none of several images could be had.
type SourcesError struct{ Errs []error }

func (e *SourcesError) Error() string {
	lines := []string{fmt.Sprintf("none of the %d images for this host could be had:", len(e.Errs))}
	for _, err := range e.Errs {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n  ")
}

func (e *SourcesError) Unwrap() []error { return e.Errs }

// Fault returns the error as a value: see vm.FaultOf. One image that may be had soon is enough to try
// again soon; else it is the last one's, for which the others were passed over.
func (e *SourcesError) Fault() *vm.Fault {
	for _, err := range e.Errs {
		if vm.Retryable(err) {
			return &vm.Fault{Kind: vm.FaultImage}
		}
	}
	return vm.FaultOf(e.Errs[len(e.Errs)-1])
}

// spaceMargin is left free beside what is downloaded, in bytes: a machine that starts needs as much.
const spaceMargin = 256 << 20

// noSpace says that need more bytes cannot be written below the directory of a fetch.
func noSpace(dir string, need, free int64) error {
	dir = filepath.Dir(dir)
	if free >= need {
		return &vm.HostError{
			Missing: fmt.Sprintf("disk space: the image may not be written to %s, although %s are free", dir, megabytes(free)),
			Hint:    "raise the quota or the limit on the size of files (ulimit -f)",
		}
	}
	return &vm.HostError{
		Missing: fmt.Sprintf("disk space: the image needs %s more in %s, %s are free", megabytes(need), dir, megabytes(free)),
		Hint:    "free some space there (rdd image prune), or set XDG_CACHE_HOME to a directory that has it",
	}
}

// isFull reports whether a write failed for lack of space: on the disk, by a quota, or by a limit on file sizes.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

func megabytes(bytes int64) string {
	if bytes < 10e6 {
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%d MB", bytes/1e6)
}
