// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	appv1 "rancherdesktop.io/rdd/api/app/v1alpha1"
	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// A failure ends a wait when it stays, or comes back after another attempt: controllers try again what may pass by
// itself. One that was there before the command began gets longer, as the command has asked
// for another attempt.
const (
	failureStays    = 2 * time.Second
	oldFailureStays = 10 * time.Second
)

// verdict is what one look at an object means for a wait.
type verdict struct {
	done bool
	// why it is not done yet.
	why string
	// unseen: no controller has looked at it yet, which is usual for a moment and not shown.
	unseen bool
	// failed: why it will not be done unless something changes.
	failed string
}

// judge looks at an object (nil: it does not exist). An error ends the wait at once.
type judge func(client.Object) (verdict, error)

// wait follows an object until it is as wanted.
type wait struct {
	// follow sends the object as it is and then its changes, until ctx ends.
	follow func(ctx context.Context) <-chan look
	judge  judge
	// what is waited for: "the VM to run".
	what string
	// hint says what goes on and how to see it when the command ends first.
	hint     string
	progress *progress
	// retry, when set, asks once for another attempt after a failure that was there before.
	retry func(context.Context) error
	// failedWith is the last failure, without its numbers.
	failedWith string
}

// run returns nil when the object is as wanted. A passed deadline ends with ExitDeadline.
func (w *wait) run(ctx context.Context) error {
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	defer w.progress.end()
	looks := w.follow(following)
	var last verdict
	var stays <-chan time.Time
	for first := true; ; first = false {
		select {
		case l := <-looks:
			v, err := w.take(l)
			if err != nil {
				return w.explain(ctx, last, err)
			}
			if v.done {
				return nil
			}
			if stays, err = w.patience(ctx, first, v, last, stays); err != nil {
				return w.explain(ctx, last, err)
			}
			last = v
			if !v.unseen {
				w.progress.show(v.why)
			}
		case <-stays:
			return errors.New(last.failed)
		case <-ctx.Done():
			return w.explain(ctx, last, ctx.Err())
		}
	}
}

func (w *wait) take(l look) (verdict, error) {
	if l.err != nil {
		return verdict{}, l.err
	}
	return w.judge(l.object)
}

// patience returns the channel that fires when a failure has stayed for too long; nil when there is none.
func (w *wait) patience(ctx context.Context, first bool, now, before verdict, stays <-chan time.Time) (<-chan time.Time, error) {
	again := w.failedWith == digits.ReplaceAllString(now.failed, "")
	if now.failed != "" {
		w.failedWith = digits.ReplaceAllString(now.failed, "")
	}
	switch {
	case now.failed == "":
		return nil, nil
	case first && w.retry != nil:
		return time.After(oldFailureStays), w.retry(ctx)
	case before.failed == "" && again:
		return time.After(0), nil
	case before.failed == "":
		return time.After(failureStays), nil
	default:
		return stays, nil
	}
}

// explain completes the error that ended the wait.
func (w *wait) explain(ctx context.Context, last verdict, err error) error {
	why := last.why
	if why == "" {
		why = "the daemon has not answered yet"
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &exitError{ExitDeadline, fmt.Errorf("%w while waiting for %s (%s)\n%s", context.DeadlineExceeded, w.what, why, w.hint)}
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted while waiting for %s (%s)\n%s", w.what, why, w.hint)
	default:
		return fmt.Errorf("waiting for %s: %w", w.what, err)
	}
}

// failureReason reports whether a condition's reason says that something will not come true by itself.
func failureReason(reason string) bool {
	return limav1.Failed(reason) || appv1.Failed(reason)
}

// blocked says what a condition that is not as wanted means for a wait.
func blocked(c *metav1.Condition, generation int64, otherwise string) verdict {
	if c == nil || c.ObservedGeneration < generation {
		return verdict{why: otherwise, unseen: true}
	}
	v := verdict{why: c.Message}
	if v.why == "" {
		v.why = c.Reason
	}
	if c.Status == metav1.ConditionFalse && failureReason(c.Reason) {
		v.failed = fmt.Sprintf("%s: %s", c.Reason, v.why)
	}
	return v
}

// gone is the judge of a deletion: the object of that UID must not exist any more.
func gone(uid string, why func(client.Object) string) judge {
	return func(object client.Object) (verdict, error) {
		if object == nil || string(object.GetUID()) != uid {
			return verdict{done: true}, nil
		}
		return verdict{why: why(object)}, nil
	}
}
