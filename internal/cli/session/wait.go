// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A failure ends a wait when it persists, or comes back after another attempt: controllers try
// again what may pass by itself. A failure from before the command gets more time, because the
// command has asked for another attempt.
const (
	failureTimeout    = 2 * time.Second
	oldFailureTimeout = 10 * time.Second
)

// Wait follows an object until it is as wanted. It is used once.
type Wait struct {
	// Follow sends the object as it is and then its changes, until ctx ends.
	Follow func(ctx context.Context) <-chan Observation
	Until  Predicate
	// What completes the sentence "waiting for …": "the VM to run".
	What string
	// Hint is a sentence for a wait that ends early: what goes on, and how to follow it.
	Hint     string
	Progress *Progress
	// Retry, when set, asks once for another attempt after a failure from before the command.
	Retry func(context.Context) error
	// Never, when set, says why it will never be as wanted. Run returns it unless it is so already.
	Never error
	// failedWith is the last failure, without its numbers: one with another port or percentage is the
	// same failure.
	failedWith string
}

// Run returns nil once the predicate holds. It returns an error when a failure of the object
// persists, when following or the predicate fails, with Never, and when ctx ends. After a deadline
// that is a *CodeError with ExitDeadline.
func (w *Wait) Run(ctx context.Context) error {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	defer w.Progress.End()
	observations := w.Follow(following)
	var last Result
	var stays <-chan time.Time
	for first := true; ; first = false {
		select {
		case o := <-observations:
			now, err := w.evaluate(o)
			if err != nil {
				return w.explain(ctx, last, err)
			}
			if now.Done {
				return nil
			}
			if w.Never != nil {
				return w.Never
			}
			if stays, err = w.failureTimer(ctx, first, now, last, stays); err != nil {
				return w.explain(ctx, last, err)
			}
			last = now
			if !now.Unobserved {
				w.Progress.Show(now.Why)
			}
		case <-stays:
			return errors.New(last.Failed)
		case <-ctx.Done():
			return w.explain(ctx, last, ctx.Err())
		}
	}
}

func (w *Wait) evaluate(o Observation) (Result, error) {
	if o.Err != nil {
		return Result{}, o.Err
	}
	return w.Until(o.Object)
}

// failureTimer returns the channel that fires when a failure has persisted for too long; nil when
// there is no failure.
func (w *Wait) failureTimer(
	ctx context.Context, first bool, now, before Result, stays <-chan time.Time,
) (<-chan time.Time, error) {
	again := w.failedWith == digits.ReplaceAllString(now.Failed, "")
	if now.Failed != "" {
		w.failedWith = digits.ReplaceAllString(now.Failed, "")
	}
	switch {
	case now.Failed == "":
		return nil, nil
	case first && w.Retry != nil:
		return time.After(oldFailureTimeout), w.Retry(ctx)
	case before.Failed == "" && again:
		return time.After(0), nil
	case before.Failed == "":
		return time.After(failureTimeout), nil
	default:
		return stays, nil
	}
}

// explain adds to the error that ended the wait what was waited for, and why.
func (w *Wait) explain(ctx context.Context, last Result, err error) error {
	why := last.Why
	if why == "" {
		why = "the daemon has not answered yet"
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		err := fmt.Errorf("%w while waiting for %s (%s)\n%s", context.DeadlineExceeded, w.What, why, w.Hint)
		return &CodeError{Code: ExitDeadline, Err: err}
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted while waiting for %s (%s)\n%s", w.What, why, w.Hint)
	default:
		return fmt.Errorf("waiting for %s: %w", w.What, err)
	}
}
