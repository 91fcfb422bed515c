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
	// clockTimeout for the guest to tell or take the time.
	clockTimeout = 30 * time.Second
)

// clock keeps the guest's clock right. The guest tells its time every ten seconds (package
// forward); when that is off, which may be the line's delay, the guest is asked, and its clock set
// when it is really off, as it is after the host has slept.
type clock struct {
	agent   *agent
	machine *machineProcess
	doubt   chan struct{}
}

func newClock(a *agent, m *machineProcess) *clock {
	return &clock{agent: a, machine: m, doubt: make(chan struct{}, 1)}
}

// told takes the time that the guest has just told.
func (c *clock) told(guest time.Time) {
	now := time.Now()
	if off(now, now, guest) == 0 {
		return
	}
	select {
	case c.doubt <- struct{}{}:
	default:
	}
}

// off returns how much a clock is at least ahead that showed guest at some moment between before
// and after: less than nothing when it is behind, 0 when it is right within the tolerance, or may
// be.
func off(before, after, guest time.Time) time.Duration {
	// Without monotonic readings, which stand still while the host sleeps.
	before, after = before.Round(0), after.Round(0)
	if ahead := guest.Sub(after); ahead > clockTolerance {
		return ahead
	}
	if behind := before.Sub(guest); behind > clockTolerance {
		return -behind
	}
	return 0
}

func (c *clock) run() {
	for {
		select {
		case <-c.machine.ctx.Done():
			return
		case <-c.machine.ended:
			return
		case <-c.doubt:
		}
		if err := c.correct(); err != nil && c.machine.ctx.Err() == nil {
			c.agent.Log.Warn("the guest's clock", "error", err)
		}
	}
}

// correct asks for the guest's time, and sets it when it is off.
func (c *clock) correct() error {
	ctx, cancel := context.WithTimeout(c.machine.ctx, clockTimeout)
	defer cancel()
	before := time.Now()
	answer, err := c.agent.once(ctx, c.machine, "date +%s.%N")
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
	// The command takes as long to get there as the question did.
	now := time.Now().Add(after.Sub(before) / 2)
	if _, err := c.agent.once(ctx, c.machine, fmt.Sprintf("sudo -n date -s @%d.%09d", now.Unix(), now.Nanosecond())); err != nil {
		return fmt.Errorf("setting the guest's clock: %w", err)
	}
	return nil
}
