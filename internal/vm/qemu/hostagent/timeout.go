// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"time"
)

// withTimeout is context.WithTimeout for what the guest is to do: the time in which it is paused
// does not count. At its end the cause of the context is context.DeadlineExceeded, its error is
// context.Canceled.
func (m *machineProcess) withTimeout(parent context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	counted, _ := m.pauses.lasted()
	go func() {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			lasted, paused := m.pauses.lasted()
			more := lasted - counted
			if counted = lasted; paused {
				more = max(more, pausedInterval)
			}
			if more <= 0 {
				cancel(context.DeadlineExceeded)
				return
			}
			timer.Reset(more)
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}
