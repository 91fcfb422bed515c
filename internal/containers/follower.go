// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// follower follows one target until its context ends. The Monitor has one for each target, and
// publishes the state of the healthTracker in it.
type follower struct {
	*healthTracker
	target Target
	timing Timing
	open   func(Target) (engine, error)
	log    *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

func (m *Monitor) newFollower(t Target) *follower {
	ctx, cancel := context.WithCancel(context.Background())
	now := m.config.Now
	return &follower{
		healthTracker: &healthTracker{
			now: now, grace: m.config.Timing.Grace, changed: m.notify,
			state: State{Target: t, Phase: PhaseConnecting, Since: now()},
		},
		target: t, timing: m.config.Timing, open: m.open,
		log: m.config.Log.With("engine", t.Engine, "instance", t.Instance, "run", t.Run),
		ctx: ctx, cancel: cancel, done: make(chan struct{}),
	}
}

// run follows the target until the follower is cancelled. It begins when before is closed, which is
// when the previous target's follower has ended: one would remove the other's containers.
func (f *follower) run(before <-chan struct{}) {
	defer close(f.done)
	defer f.cancel()
	if before != nil {
		<-before
	}
	f.begin()
	defer f.end()
	e, err := f.open(f.target)
	if err != nil {
		e = &unreachableEngine{reason: err}
	}
	defer e.close()
	logged := "" // the same problem is logged once
	pause := backoff{first: f.timing.Retry, most: f.timing.RetryMax}
	for f.ctx.Err() == nil {
		f.attempt()
		lasted, err := f.session(e)
		switch {
		case f.ctx.Err() != nil:
			return
		case lasted == 0:
			problem := problemOf(e, err)
			if problem != logged {
				f.log.Warn("the container engine is not usable", "error", shorten(err.Error(), maxProblem))
				logged = problem
			}
			wait(f.ctx, pause.afterFailure(!f.failed(problem)))
		default:
			logged = ""
			wait(f.ctx, pause.afterLoss(lasted >= f.timing.Grace))
		}
	}
}

// backoff is the pause before the next attempt. It doubles from first up to most.
type backoff struct{ next, first, most time.Duration }

// afterFailure returns the pause after an attempt that failed. The pause does not grow while the
// engine is expected soon, which is within the grace period.
func (b *backoff) afterFailure(soon bool) time.Duration {
	d := max(b.next, b.first)
	if !soon {
		b.grow()
	}
	return d
}

// afterLoss returns the pause after a connection that ended: none after one that lasted. After
// short ones it grows, so that an engine that exits during each smoke test is not tested without a
// pause.
func (b *backoff) afterLoss(lasting bool) time.Duration {
	if lasting {
		b.next = 0
		return 0
	}
	d := b.next
	b.grow()
	return d
}

func (b *backoff) grow() { b.next = min(max(2*b.next, b.first), b.most) }

// session connects, runs the smoke test and returns when the connection is lost. It returns how
// long the engine was connected, and why that ended. The time is 0 when the smoke test failed, and
// above 0 when it passed.
func (f *follower) session(e engine) (lasted time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(f.ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel(nil)
	started := time.Now()
	version, err := f.waitForVersion(ctx, e)
	if err != nil {
		return 0, err
	}
	// Subscribing comes first: an engine that exits during the smoke test ends ctx.
	subscribed := make(chan struct{})
	listening.Go(func() { cancel(e.listen(ctx, sync.OnceFunc(func() { close(subscribed) }))) })
	select {
	case <-subscribed:
	case <-ctx.Done():
		return 0, fmt.Errorf("listening to its events: %w", context.Cause(ctx))
	}
	if err := smokeTest(ctx, e, f.timing); err != nil {
		return 0, causeOf(ctx, err)
	}
	tested := time.Now()
	f.connected(version)
	f.log.Info("the container engine passed its smoke test", "version", version, "took", tested.Sub(started).Round(time.Millisecond))
	err = f.pingUntilLost(ctx, e)
	if f.ctx.Err() == nil {
		f.lost(problemOf(e, err))
		f.log.Warn("the container engine is lost; connecting again", "error", shorten(err.Error(), maxProblem))
	}
	return max(time.Since(tested), 1), err
}

// waitForVersion waits until the engine answers, for at most StepTimeout.
func (f *follower) waitForVersion(ctx context.Context, e engine) (version string, err error) {
	err = within(ctx, f.timing.StepTimeout, "asking for its version", func(ctx context.Context) error {
		version, err = e.version(ctx)
		return err
	})
	return version, err
}

// pingUntilLost returns why the connection ended: the event stream ended, which ends ctx, or a ping
// got no answer in time.
func (f *follower) pingUntilLost(ctx context.Context, e engine) error {
	ticker := time.NewTicker(f.timing.Ping * e.pingIntervalFactor())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if err := within(ctx, f.timing.PingTimeout, "asking for a sign of life", e.ping); err != nil {
			return causeOf(ctx, err)
		}
	}
}

// causeOf returns the cause of ctx when ctx has ended, else err. The error of an interrupted call
// says no more than that ctx has ended.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// problemOf returns the message of State.Problem: the error, and a command that shows more.
func problemOf(e engine, err error) string {
	title, hint := e.describe()
	return fmt.Sprintf("%s is not usable: %s; to see more: %s", title, shorten(err.Error(), maxProblem), hint)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
