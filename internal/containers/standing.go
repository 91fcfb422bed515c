// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"sync"
	"time"
)

// standing decides what is said of a target: it takes note of what happens and keeps small interruptions to itself.
type standing struct {
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
	// timer ends the grace of an outage; over says that it has ended. outages tells one from the next.
	timer   *time.Timer
	over    bool
	outages int
}

// begin starts the grace of a first connection.
func (s *standing) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.startGrace()
}

func (s *standing) startGrace() {
	s.outages++
	outage := s.outages
	s.timer = time.AfterFunc(s.grace, func() { s.graceOver(outage) })
}

// end stops the clock.
func (s *standing) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
}

// snapshot returns a copy of what is known.
func (s *standing) snapshot() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	return &state
}

// attempt notes that a connection is tried.
func (s *standing) attempt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trying = true
}

// failed notes how an attempt ended. It reports whether the grace is over.
func (s *standing) failed(problem string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trying, s.trouble = false, problem
	if s.over {
		s.set(PhaseFailed, problem)
	}
	return s.over
}

// connected notes that the engine is proven.
func (s *standing) connected(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	s.outages++
	s.trying, s.once, s.over, s.trouble, s.state.Version = false, true, false, "", version
	s.set(PhaseConnected, "")
}

// lost notes that a connected engine is gone, and starts its grace.
func (s *standing) lost(problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = problem
	s.startGrace()
}

// graceOver tells what is wrong by now. An engine that is just slow to start is not.
func (s *standing) graceOver(outage int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if outage != s.outages {
		return // it was connected in the same moment
	}
	s.over = true
	if s.once || !s.trying {
		s.set(PhaseFailed, s.trouble)
	}
}

func (s *standing) set(phase Phase, problem string) {
	if s.state.Phase == phase && s.state.Problem == problem {
		return
	}
	if s.state.Phase != phase {
		s.state.Since = s.now()
	}
	s.state.Phase, s.state.Problem = phase, problem
	s.changed()
}
