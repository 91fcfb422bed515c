// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"sync"
	"time"
)

// Backoff computes the delay before the next attempt at something that has failed. Each failure of
// a key doubles its delay; a long time without a failure resets it. Backoff keeps failures in
// memory and starts no timers. It is safe for concurrent use.
type Backoff struct {
	// Base is the delay after the first failure, Max the longest delay.
	Base, Max time.Duration
	// Reset is the time between two failures after which the second counts as the first.
	Reset time.Duration

	mu      sync.Mutex
	entries map[string]attempts
}

type attempts struct {
	failed time.Time
	count  int
}

// Remaining returns how long to wait from now until the next attempt at key, whose last attempt
// failed at the time failed; 0 when the attempt may begin. The same failure, by its time, is
// counted once.
func (b *Backoff) Remaining(key string, failed, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.entries[key]
	if !failed.Equal(a.failed) {
		if failed.Sub(a.failed) > b.Reset {
			a.count = 0
		}
		a = attempts{failed: failed, count: a.count + 1}
		if b.entries == nil {
			b.entries = map[string]attempts{}
		}
		b.entries[key] = a
	}
	return Until(failed, b.delay(a.count), now)
}

// Until returns how long to wait from now until delay has passed since a time; 0 when it has. A
// time that is far ahead of now was taken before the clock was set back: then nothing is waited
// for.
func Until(since time.Time, delay time.Duration, now time.Time) time.Duration {
	wait := since.Add(delay).Sub(now)
	if wait > 2*delay {
		return 0
	}
	return max(0, wait)
}

// Forget drops the failures of key.
func (b *Backoff) Forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.entries, key)
}

func (b *Backoff) delay(count int) time.Duration {
	delay := b.Base
	for i := 1; i < count && delay < b.Max; i++ {
		delay *= 2
	}
	return min(delay, b.Max)
}
