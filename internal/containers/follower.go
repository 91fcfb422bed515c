// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// follower follows one target until its context ends.
type follower struct {
	*health
	target Target
	pauses Pauses
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
		health: &health{
			now: now, grace: m.config.Pauses.Grace, changed: m.notify,
			state: State{Target: t, Phase: PhaseConnecting, Since: now()},
		},
		target: t, pauses: m.config.Pauses, open: m.open,
		log: m.config.Log.With("engine", t.Engine, "instance", t.Instance, "run", t.Run),
		ctx: ctx, cancel: cancel, done: make(chan struct{}),
	}
}

// run works until the follower is cancelled, and not before the work on the target before has
// ended: their containers would get into each other's way.
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
		e = &unusable{reason: err}
	}
	defer e.close()
	logged := "" // the log need not have the same problem each time
	pause := backoff{first: f.pauses.Retry, most: f.pauses.RetryMax}
	for f.ctx.Err() == nil {
		f.attempt()
		lasted, err := f.session(e)
		switch {
		case f.ctx.Err() != nil:
			return
		case lasted == 0:
			problem := problemOf(e, err)
			if problem != logged {
				f.log.Warn("the container engine is not usable", "error", err)
				logged = problem
			}
			wait(f.ctx, pause.afterFailure(!f.failed(problem)))
		default:
			logged = ""
			wait(f.ctx, pause.afterLoss(lasted >= f.pauses.Grace))
		}
	}
}

// backoff is the pause before the next attempt.
type backoff struct{ next, first, most time.Duration }

// afterFailure begins with the first pause, and stays there as long as the engine may well come
// soon.
func (b *backoff) afterFailure(soon bool) time.Duration {
	d := max(b.next, b.first)
	if !soon {
		b.grow()
	}
	return d
}

// afterLoss begins without any, and stays there if the engine was connected for a while.
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

// session connects, runs the smoke test and stays until the engine is gone. It returns how long it
// was connected, which is 0 when it did not pass the smoke test, and why it ended.
func (f *follower) session(e engine) (lasted time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(f.ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel(nil)
	started := time.Now()
	version, err := f.greet(ctx, e)
	if err != nil {
		return 0, err
	}
	// What happens to the engine while it is being tested is noticed, too.
	begun := make(chan struct{})
	listening.Go(func() { cancel(e.listen(ctx, sync.OnceFunc(func() { close(begun) }))) })
	select {
	case <-begun:
	case <-ctx.Done():
		return 0, fmt.Errorf("listening to its events: %w", context.Cause(ctx))
	}
	if err := smokeTest(ctx, e, f.pauses); err != nil {
		return 0, causeOf(ctx, err)
	}
	tested := time.Now()
	f.connected(version)
	f.log.Info("the container engine is proven", "version", version, "took", tested.Sub(started).Round(time.Millisecond))
	err = f.stay(ctx, e)
	if f.ctx.Err() == nil {
		f.lost(problemOf(e, err))
		f.log.Warn("the container engine is lost; connecting again", "error", err)
	}
	return max(time.Since(tested), 1), err
}

// greet waits until the engine answers.
func (f *follower) greet(ctx context.Context, e engine) (version string, err error) {
	err = within(ctx, f.pauses.Patience, "asking for its version", func(ctx context.Context) error {
		version, err = e.version(ctx)
		return err
	})
	return version, err
}

// stay returns why the connection ended: the end of the events, which ends ctx, or a ping without
// an answer.
func (f *follower) stay(ctx context.Context, e engine) error {
	ticker := time.NewTicker(f.pauses.Ping * e.pingFactor())
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if err := within(ctx, f.pauses.PingTimeout, "asking for a sign of life", e.ping); err != nil {
			return causeOf(ctx, err)
		}
	}
}

// causeOf prefers the reason why ctx was ended over the error in which that showed itself.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// problemOf is a sentence for people.
func problemOf(e engine, err error) string {
	title, hint := e.describe()
	return fmt.Sprintf("%s is not usable: %v; to see more: %s", title, err, hint)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
