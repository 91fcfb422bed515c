// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"rancherdesktop.io/rdd/internal/client"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/version"
)

// Exit codes of rdd, as docs/cli/README.md lists them. 0 is success; a command that runs another
// program (shell, run, ctl) passes on that program's code.
const (
	ExitError    = 1
	ExitRefused  = 3 // refused by admission or schema
	ExitDeadline = 4 // the timeout of a wait passed
	ExitNewer    = 5 // the running daemon, or what is in the store, is newer than this rdd
)

// CodeError carries the exit code that a command ends with. Err may be nil: then nothing is
// printed.
type CodeError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *CodeError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *CodeError) Unwrap() error { return e.Err }

// CodeOf returns the exit code for the kind of an error that is no *CodeError.
func CodeOf(err error) int {
	var newer *client.NewerError
	switch {
	case errors.As(err, &newer) || errors.Is(err, version.ErrNewerStore):
		return ExitNewer
	case apierrors.IsForbidden(err) || apierrors.IsInvalid(err):
		return ExitRefused
	case errors.Is(err, context.DeadlineExceeded):
		return ExitDeadline
	default:
		return ExitError
	}
}

// ExitCode prints err on standard error and returns its exit code; 0 for nil. It is called once, by
// Main: commands return their errors.
func (s *Session) ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *CodeError
	if !errors.As(err, &exit) {
		exit = &CodeError{Code: CodeOf(err), Err: err}
	}
	if exit.Err != nil {
		fmt.Fprintln(s.Err, "Error:", errorText(exit.Err))
		if remedy := instance.Remedy(exit.Err); remedy != "" {
			fmt.Fprintln(s.Err, remedy)
		}
	}
	return exit.Code
}
