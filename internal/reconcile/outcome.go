// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
)

// SlowRetry is the pause before another attempt at something that needs somebody to act.
const SlowRetry = time.Minute

// conflictRetry is the pause after a write conflict. The write that has won wakes the reconciler
// too.
const conflictRetry = 10 * time.Millisecond

// Outcome is how a step, or a whole pass, ended: Done, Wait, Retry or Stalled. The zero Outcome is
// Done.
type Outcome struct {
	// Why says what the pass waits for.
	Why string
	// After is the time until the next pass, if no watch wakes the reconciler before; 0 relies on a
	// watch.
	After time.Duration
	// Err is retried with back-off.
	Err error
	// Reason and Message say why the pass is stalled. They are those of a condition.
	Reason, Message string
}

// Done lets the next step run.
func Done() Outcome { return Outcome{} }

// Wait ends the pass until something has changed; why says what. The object is reconciled again
// after the given time. With 0, only a watch wakes the reconciler.
func Wait(why string, after time.Duration) Outcome { return Outcome{Why: why, After: after} }

// Retry ends the pass with an error, which must not be nil. The pass is repeated with back-off.
func Retry(err error) Outcome { return Outcome{Err: err} }

// RetryIf is Retry when err is not nil and Done otherwise.
func RetryIf(err error) Outcome { return Outcome{Err: err} }

// Stalled ends the pass: somebody has to act before it can go on. It is repeated after SlowRetry.
func Stalled(reason, message string) Outcome { return Outcome{Reason: reason, Message: message} }

// IsDone reports whether the next step may run.
func (o Outcome) IsDone() bool { return o == Outcome{} }

// IsStalled reports whether somebody has to act.
func (o Outcome) IsStalled() bool { return o.Reason != "" }

// Sooner returns the outcome with another pass after d at the latest.
func (o Outcome) Sooner(d time.Duration) Outcome {
	if o.After == 0 || d < o.After {
		o.After = d
	}
	return o
}

// Result maps the outcome to a result of controller-runtime. A conflict is repeated soon and is not
// an error: a newer version of the object exists.
func (o Outcome) Result() (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(o.Err):
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	case o.Err != nil:
		return ctrl.Result{}, o.Err
	case o.IsStalled():
		return ctrl.Result{RequeueAfter: cmp.Or(o.After, SlowRetry)}, nil
	default:
		return ctrl.Result{RequeueAfter: o.After}, nil
	}
}

// Step is one step of a reconciler. S is the type of its scope.
type Step[S any] struct {
	// Name is put before errors: "creating the namespace".
	Name string
	// Do must be idempotent. It ends the pass unless its outcome is Done.
	Do func(ctx context.Context, scope S) Outcome
}

// Run runs steps in order until one ends the pass, and returns its outcome.
func Run[S any](ctx context.Context, scope S, steps []Step[S]) Outcome {
	for _, step := range steps {
		o := step.Do(ctx, scope)
		if o.Err != nil {
			o.Err = fmt.Errorf("%s: %w", step.Name, o.Err)
		}
		if !o.IsDone() {
			return o
		}
	}
	return Done()
}
