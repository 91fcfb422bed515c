// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"sync"
	"time"
)

// health is what is known of a target: it takes note of what happens and keeps small interruptions
// to itself.
type health struct {
	now     func() time.Time
	grace   time.Duration
	changed func()

	mu    sync.Mutex
	state State
	// trouble is what went wrong last since the engine was connected, or ever.
	trouble string
	// trying: an attempt is going on; one that is just slow is no failure.
	trying bool
	// once is whether it was connected before.
	once bool
	// timer ends the grace of an outage; over says that it has ended. outages distinguishes one
	// from the next.
	timer   *time.Timer
	over    bool
	outages int
}

// begin starts the grace of a first connection.
func (h *health) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.startGrace()
}

func (h *health) startGrace() {
	h.outages++
	outage := h.outages
	h.timer = time.AfterFunc(h.grace, func() { h.graceOver(outage) })
}

// end stops the clock.
func (h *health) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer.Stop()
}

// snapshot returns a copy of what is known.
func (h *health) snapshot() *State {
	h.mu.Lock()
	defer h.mu.Unlock()
	state := h.state
	return &state
}

// attempt notes that a connection is tried.
func (h *health) attempt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying = true
}

// failed notes how an attempt ended. It reports whether the grace is over.
func (h *health) failed(problem string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trying, h.trouble = false, problem
	if h.over {
		h.set(PhaseFailed, problem)
	}
	return h.over
}

// connected notes that the engine has passed the smoke test.
func (h *health) connected(version string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer.Stop()
	h.outages++
	h.trying, h.once, h.over, h.trouble, h.state.Version = false, true, false, "", version
	h.set(PhaseConnected, "")
}

// lost notes that a connected engine is gone, and starts its grace.
func (h *health) lost(problem string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = problem
	h.startGrace()
}

// graceOver publishes what is wrong by now. An engine that is just slow to start is not.
func (h *health) graceOver(outage int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if outage != h.outages {
		return // it was connected in the same moment
	}
	h.over = true
	if h.once || !h.trying {
		h.set(PhaseFailed, h.trouble)
	}
}

func (h *health) set(phase Phase, problem string) {
	if h.state.Phase == phase && h.state.Problem == problem {
		return
	}
	if h.state.Phase != phase {
		h.state.Since = h.now()
	}
	h.state.Phase, h.state.Problem = phase, problem
	h.changed()
}
