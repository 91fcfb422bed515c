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

// SlowRetry is how long to wait before trying again what retrying hardly cures.
const SlowRetry = time.Minute

// conflictRetry follows a lost race for an object: what won has woken us already, or does so soon.
const conflictRetry = 10 * time.Millisecond

// Outcome is how a step, or a whole list of them, ended. The zero Outcome is Done.
type Outcome struct {
	// Why says what is waited for.
	Why string
	// After is when to reconcile again although no watch wakes us; 0: a watch will.
	After time.Duration
	// Err is to be retried with back-off.
	Err error
	// Reason and Message say why nothing goes on until someone acts.
	Reason, Message string
}

// Done lets the next step run.
func Done() Outcome { return Outcome{} }

// Wait ends the pass: why says what for. After 0 relies on a watch to wake us;
// with anything else the object is also reconciled again then.
func Wait(why string, after time.Duration) Outcome { return Outcome{Why: why, After: after} }

// Retry ends the pass with an error that is tried again with back-off.
func Retry(err error) Outcome { return Outcome{Err: err} }

// RetryIf is Retry when err is not nil and Done otherwise.
func RetryIf(err error) Outcome { return Outcome{Err: err} }

// Stalled ends the pass: someone has to act. It is tried again slowly.
func Stalled(reason, message string) Outcome { return Outcome{Reason: reason, Message: message} }

// IsDone reports whether the next step may run.
func (o Outcome) IsDone() bool { return o == Outcome{} }

// IsStalled reports whether someone has to act.
func (o Outcome) IsStalled() bool { return o.Reason != "" }

// Sooner makes sure that the pass is repeated after d at the latest.
func (o Outcome) Sooner(d time.Duration) Outcome {
	if o.After == 0 || d < o.After {
		o.After = d
	}
	return o
}

// Result maps the outcome to what controller-runtime understands; the only place that does.
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

// Step is one task of a reconciler.
type Step[S any] struct {
	// Name completes errors: "creating the namespace".
	Name string
	// Do must be idempotent; it ends the pass unless its outcome is Done.
	Do func(ctx context.Context, scope S) Outcome
}

// Run runs steps in order until one ends the pass.
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
