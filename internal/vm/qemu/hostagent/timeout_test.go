// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTimeout: the end of the time is the cause, as it is not of a context that was ended before.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machineProcess{pauses: &pauses{}}
		over, cancel := m.withTimeout(t.Context(), time.Minute)
		defer cancel()
		before, cancelBefore := m.withTimeout(t.Context(), time.Minute)
		cancelBefore()
		started := time.Now()
		<-over.Done()
		if lasted := time.Since(started); lasted != time.Minute {
			t.Errorf("it took %s", lasted)
		}
		if cause := context.Cause(over); !errors.Is(cause, context.DeadlineExceeded) {
			t.Errorf("the cause is %v", cause)
		}
		if cause := context.Cause(before); !errors.Is(cause, context.Canceled) {
			t.Errorf("the cause is %v", cause)
		}
	})
}

// TestTimeoutWithoutPauses: the time in which the guest is paused does not count.
func TestTimeoutWithoutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machineProcess{pauses: &pauses{total: time.Hour}}
		ctx, cancel := m.withTimeout(t.Context(), time.Minute)
		defer cancel()
		started := time.Now()
		time.AfterFunc(30*time.Second, func() {
			m.pauses.mu.Lock()
			defer m.pauses.mu.Unlock()
			m.pauses.total += 20 * time.Second
		})
		<-ctx.Done()
		if lasted := time.Since(started); lasted != 80*time.Second {
			t.Errorf("it took %s", lasted)
		}
	})
}
