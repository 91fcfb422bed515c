// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// patience is how long writers that come later may overtake one that waits.
	patience = 50 * time.Millisecond
	// firstPause and lastPause bound the time between two looks at the lock by one that waits.
	firstPause, lastPause = time.Millisecond, 8 * time.Millisecond
)

// turn is a lock of which writers take turns. One that waits looks again after a pause, so that the
// writer that has just written, whose thread runs, can go on. To hand the lock over with each write
// would wake another thread each time. Where other programs keep the cores busy that takes longer
// than the write, and nobody could write meanwhile. Nobody waits for long: one whose patience is
// over gets the lock next.
type turn struct {
	mu   sync.Mutex
	held bool
	// waiting are in the order in which they came.
	waiting []*waiter
}

type waiter struct {
	since time.Time
	// granted is closed when the lock was handed over.
	granted chan struct{}
}

// enter takes the lock. It returns a *busyError when that takes longer than wait, or ctx's error.
func (t *turn) enter(ctx context.Context, wait time.Duration) error {
	if t.take() {
		return nil
	}
	w := t.queue()
	end := time.NewTimer(wait)
	defer end.Stop()
	pause := firstPause
	next := time.NewTimer(pause)
	defer next.Stop()
	for {
		select {
		case <-w.granted:
			return nil
		case <-next.C:
			if t.takeFor(w) {
				return nil
			}
			pause = min(2*pause, lastPause)
			next.Reset(pause)
		case <-ctx.Done():
			t.giveUp(w)
			return ctx.Err()
		case <-end.C:
			t.giveUp(w)
			return &busyError{wait}
		}
	}
}

func (t *turn) take() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held {
		return false
	}
	t.held = true
	return true
}

func (t *turn) queue() *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &waiter{since: time.Now(), granted: make(chan struct{})}
	t.waiting = append(t.waiting, w)
	return w
}

// takeFor takes the lock for one that waits, or finds that it has it already.
func (t *turn) takeFor(w *waiter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, w)
	if i < 0 {
		return true
	}
	if t.held {
		return false
	}
	t.held = true
	t.waiting = slices.Delete(t.waiting, i, i+1)
	return true
}

// giveUp ends the waiting; a lock that was handed over meanwhile is given up.
func (t *turn) giveUp(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, w); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
		return
	}
	t.pass()
}

// leave gives the lock up.
func (t *turn) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pass()
}

// pass hands the lock over to the first whose patience is over, or frees it.
func (t *turn) pass() {
	t.held = len(t.waiting) > 0 && time.Since(t.waiting[0].since) > patience
	if t.held {
		close(t.waiting[0].granted)
		t.waiting = slices.Delete(t.waiting, 0, 1)
	}
}
