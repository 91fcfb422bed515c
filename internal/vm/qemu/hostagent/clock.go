// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"fmt"
	"time"

	"rancherdesktop.io/rdd/internal/vm/qemu/hostagent/forward"
)

const (
	// clockTolerance is how far the guest's clock may be off before it is set.
	clockTolerance = time.Second
	// clockTimeout bounds reading and setting the guest's clock.
	clockTimeout = 30 * time.Second
	// clockPause is the pause after a correction. It doubles, up to longestClockPause, with each that
	// follows at once.
	clockPause, longestClockPause = time.Second, 10 * time.Minute
)

// clock keeps the guest's clock right. The guest reports its time every ten seconds (package
// forward). When that is off, which may be due to the delay of the report, the guest's clock is
// read, and set when it is really off. It is so after the host was suspended.
type clock struct {
	agent   *agent
	machine *machineProcess
	recheck chan struct{}
}

func newClock(a *agent, m *machineProcess) *clock {
	return &clock{agent: a, machine: m, recheck: make(chan struct{}, 1)}
}

// observe takes the time that the guest has just reported. It never blocks.
func (c *clock) observe(guest time.Time) {
	now := time.Now()
	if off(now, now, guest) == 0 {
		return
	}
	select {
	case c.recheck <- struct{}{}:
	default:
	}
}

// off returns by how much at least a clock is ahead that showed guest at some time between before
// and after. It is negative when the clock is behind, and 0 when it is, or may be, right within the
// tolerance.
func off(before, after, guest time.Time) time.Duration {
	// Without monotonic readings, which stand still while the host is suspended.
	before, after = before.Round(0), after.Round(0)
	if ahead := guest.Sub(after); ahead > clockTolerance {
		return ahead
	}
	if behind := before.Sub(guest); behind > clockTolerance {
		return -behind
	}
	return 0
}

// run corrects the clock when it may be off, until the machine ends. A guest whose clock is off
// again and again is corrected more and more rarely.
func (c *clock) run() {
	var pause time.Duration
	for last := time.Now(); ; last = time.Now() {
		select {
		case <-c.machine.ctx.Done():
			return
		case <-c.machine.ended:
			return
		case <-c.recheck:
		}
		if pause = nextClockPause(pause, time.Since(last)); !c.sleep(pause - time.Since(last)) {
			return
		}
		if err := c.correct(); err != nil && c.machine.ctx.Err() == nil {
			c.agent.Log.Warn("the guest's clock", "error", err)
		}
	}
}

// nextClockPause returns the shortest time between the last correction and the next one, when the
// pause between the last two was before and the clock may be off again after since.
func nextClockPause(before, since time.Duration) time.Duration {
	if since > 2*before+clockPause {
		return clockPause
	}
	return min(max(2*before, clockPause), longestClockPause)
}

// sleep returns false when the machine ends meanwhile.
func (c *clock) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.machine.ctx.Done():
		return false
	case <-c.machine.ended:
		return false
	case <-timer.C:
		return true
	}
}

// correct reads the guest's clock, and sets it when it is off.
func (c *clock) correct() error {
	ctx, cancel := context.WithTimeout(c.machine.ctx, clockTimeout)
	defer cancel()
	before := time.Now()
	answer, err := c.agent.askOnce(ctx, c.machine, "date +%s.%N")
	after := time.Now()
	if err != nil {
		return fmt.Errorf("asking the guest for the time: %w", err)
	}
	guest, err := forward.ParseTime(answer)
	if err != nil {
		return err
	}
	ahead := off(before, after, guest)
	if ahead == 0 {
		return nil
	}
	c.agent.Log.Info("setting the guest's clock", "ahead", ahead.Round(time.Millisecond).String())
	// The command is assumed to take as long as reading the clock did.
	now := time.Now().Add(after.Sub(before) / 2)
	if _, err := c.agent.askOnce(ctx, c.machine, fmt.Sprintf("sudo -n date -s @%d.%09d", now.Unix(), now.Nanosecond())); err != nil {
		return fmt.Errorf("setting the guest's clock: %w", err)
	}
	return nil
}
