// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"sync"
	"time"
)

// healthTracker derives the published State of a target from what a follower observes. It filters
// out interruptions that are shorter than the grace period. Its methods are safe for concurrent
// use.
type healthTracker struct {
	now   func() time.Time
	grace time.Duration
	// changed is called, with mu held, when state has changed.
	changed func()

	mu    sync.Mutex
	state State
	// problem is the latest failure since the engine was connected; empty when there was none.
	problem string
	// attempting is true during an attempt to connect. A first attempt that is slow is not a failure.
	attempting bool
	// connectedBefore is true once the engine was connected.
	connectedBefore bool
	// timer runs while the engine is not connected, and ends its grace period. graceExpired says that
	// it has. outageID tells one outage's timer from the next one's.
	timer        *time.Timer
	graceExpired bool
	outageID     int
}

// begin starts the grace period of the first connection.
func (h *healthTracker) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.startGrace()
}

// startGrace begins an outage. The caller holds mu.
func (h *healthTracker) startGrace() {
	h.outageID++
	outage := h.outageID
	h.timer = time.AfterFunc(h.grace, func() { h.onGraceExpired(outage) })
}

// end stops the timer.
func (h *healthTracker) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer.Stop()
}

// snapshot returns a copy of the state.
func (h *healthTracker) snapshot() *State {
	h.mu.Lock()
	defer h.mu.Unlock()
	state := h.state
	return &state
}

// attempt records that an attempt to connect has begun.
func (h *healthTracker) attempt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempting = true
}

// failed records why an attempt failed. It reports whether the grace period is over.
func (h *healthTracker) failed(problem string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempting, h.problem = false, problem
	if h.graceExpired {
		h.setPhase(PhaseFailed, problem)
	}
	return h.graceExpired
}

// connected records that the engine has passed the smoke test. That ends the outage.
func (h *healthTracker) connected(version string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer.Stop()
	h.outageID++
	h.attempting, h.connectedBefore, h.graceExpired, h.problem, h.state.Version = false, true, false, "", version
	h.setPhase(PhaseConnected, "")
}

// lost records why the connection ended, and starts the grace period of the outage.
func (h *healthTracker) lost(problem string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.problem = problem
	h.startGrace()
}

// onGraceExpired publishes the latest problem. It publishes none during the first attempt, when the
// engine is only slow to start.
func (h *healthTracker) onGraceExpired(outage int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if outage != h.outageID {
		return // it was connected while the timer fired
	}
	h.graceExpired = true
	if h.connectedBefore || !h.attempting {
		h.setPhase(PhaseFailed, h.problem)
	}
}

// setPhase publishes a phase and its problem if they are new. The caller holds mu.
func (h *healthTracker) setPhase(phase Phase, problem string) {
	if h.state.Phase == phase && h.state.Problem == problem {
		return
	}
	if h.state.Phase != phase {
		h.state.Since = h.now()
	}
	h.state.Phase, h.state.Problem = phase, problem
	h.changed()
}
