// SPDX-License-Identifier: Apache-2.0

package checked

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// TestTurnExcludes: one at a time has the lock, and everybody gets it.
func TestTurnExcludes(t *testing.T) {
	var lock turn
	var group sync.WaitGroup
	inside, times := 0, 0
	for range 8 {
		group.Go(func() {
			for range 200 {
				if err := lock.enter(t.Context(), time.Minute); err != nil {
					t.Error(err)
					return
				}
				inside++
				if inside != 1 {
					t.Errorf("%d have the lock", inside)
				}
				inside--
				times++
				lock.leave()
			}
		})
	}
	group.Wait()
	if times != 8*200 || lock.held || len(lock.waiting) > 0 {
		t.Errorf("taken %d times; in the end it is %+v", times, &lock)
	}
}

// TestTurnPatience: the lock is free for whoever comes until the first that waits has waited for
// long; then it is handed over.
func TestTurnPatience(t *testing.T) {
	var lock turn
	if !lock.take() || lock.take() {
		t.Fatal("a free lock cannot be taken, or one that is held can")
	}
	first, second := lock.queue(), lock.queue()
	lock.leave()
	if lock.held || !lock.take() {
		t.Fatal("it was handed over at once")
	}
	first.since = first.since.Add(-2 * patience)
	lock.leave()
	if !lock.held || lock.take() {
		t.Fatal("it was not handed over")
	}
	<-first.granted
	if !lock.takeFor(first) || lock.takeFor(second) {
		t.Error("it was handed over to another")
	}
	second.since = second.since.Add(-2 * patience)
	lock.giveUp(first) // it was granted in the moment in which it gave up
	<-second.granted
	lock.leave()
	if lock.held || len(lock.waiting) > 0 {
		t.Errorf("in the end it is %+v", &lock)
	}
}

// TestTurnEnds: who cannot wait any longer gets the reason, and is in nobody's way.
func TestTurnEnds(t *testing.T) {
	var lock turn
	lock.take()
	var busy *busyError
	if err := lock.enter(t.Context(), time.Millisecond); !errors.As(err, &busy) {
		t.Errorf("the wait ended with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lock.enter(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that was canceled ended with %v", err)
	}
	lock.leave()
	if lock.held || len(lock.waiting) > 0 {
		t.Errorf("in the end it is %+v", &lock)
	}
}
