// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Cause of a failure of the store.
type Cause string

const (
	// CauseFailed is an error of the database without a better name.
	CauseFailed Cause = "Failed"
	// CauseFull is a file system without room, or a quota that is used up.
	CauseFull Cause = "Full"
	// CauseLocked is a lock that another process holds.
	CauseLocked Cause = "Locked"
	// CauseIO is an error of the disk.
	CauseIO Cause = "InputOutput"
	// CauseDamaged is a database whose content is inconsistent.
	CauseDamaged Cause = "Damaged"
	// CauseLost is a write that the database reported as done and does not have.
	CauseLost Cause = "Lost"
)

// statusCodes by which a cause crosses gRPC. None is Unavailable: the etcd client would send the
// request again.
var statusCodes = map[Cause]codes.Code{
	CauseFailed: codes.Internal, CauseFull: codes.ResourceExhausted, CauseLocked: codes.Aborted,
	CauseIO: codes.FailedPrecondition, CauseDamaged: codes.DataLoss, CauseLost: codes.OutOfRange,
}

// domain marks the statuses of this package.
const domain = "the store: "

// Error is a failure of the store, as opposed to an answer of it.
type Error struct {
	// Cause of the failure.
	Cause Cause
	// Doing says what failed, with the key.
	Doing string
	// Err of the database.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s%s: %v", domain, e.Doing, e.Err) }

// Unwrap gives the error of the database.
func (e *Error) Unwrap() error { return e.Err }

// Is claims to be a canceled context, because kine logs the whole request, with the values of
// Secrets, for every other error. Failures are reported by Options.Report instead.
func (e *Error) Is(target error) bool { return target == context.Canceled }

// GRPCStatus is what a client of the store gets.
func (e *Error) GRPCStatus() *status.Status { return status.New(statusCodes[e.Cause], e.Error()) }

// CauseOf returns the cause and the text of a failure of the store that came through a gRPC client.
func CauseOf(err error) (cause Cause, message string, ok bool) {
	var own *Error
	if errors.As(err, &own) {
		return own.Cause, own.Error(), true
	}
	var sent interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &sent) || !strings.HasPrefix(sent.GRPCStatus().Message(), domain) {
		return "", "", false
	}
	for cause, code := range statusCodes {
		if code == sent.GRPCStatus().Code() {
			return cause, sent.GRPCStatus().Message(), true
		}
	}
	return "", "", false
}
