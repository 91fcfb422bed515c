// SPDX-License-Identifier: Apache-2.0

// Package fake is a monitor of container engines in memory, for tests. It has no container engine,
// and connects when Advance is called. internal/cli's scripts, test/integration and test/faults use
// it.
package fake

import (
	"sync"

	"rancherdesktop.io/rdd/internal/containers"
)

// Version is the version that every container engine of the fake has.
const Version = "26.1.5"

// Monitor has the methods of containers.Monitor, and does the work of one step in each Advance. The
// zero Monitor is ready for use. It is safe for concurrent use.
type Monitor struct {
	// Immediate connects at once, without Advance.
	Immediate bool

	mu         sync.Mutex
	state      *containers.State
	problem    string
	changed    func()
	smokeTests int
}

// Follow implements engine.Monitor.
func (m *Monitor) Follow(target *containers.Target) {
	if !m.take(target) {
		return
	}
	m.notify()
	if m.Immediate {
		m.Advance()
	}
}

// take makes target the one to follow and reports whether it is another one.
func (m *Monitor) take(target *containers.Target) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case target == nil && m.state == nil, target != nil && m.state != nil && m.state.Target == *target:
		return false
	case target == nil:
		m.state = nil
	default:
		m.state = &containers.State{Target: *target, Phase: containers.PhaseConnecting}
	}
	return true
}

// State implements engine.Monitor.
func (m *Monitor) State() *containers.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == nil {
		return nil
	}
	state := *m.state
	return &state
}

// Watch implements engine.Monitor.
func (m *Monitor) Watch(changed func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed = changed
}

// Close drops the target.
func (m *Monitor) Close() { m.Follow(nil) }

// Break makes container engines fail with a problem; an empty one repairs them. State shows that
// after the next Advance.
func (m *Monitor) Break(problem string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problem = problem
}

// SmokeTests returns how many smoke tests were passed.
func (m *Monitor) SmokeTests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.smokeTests
}

// Advance ends the work that is going on, and reports whether State has changed.
func (m *Monitor) Advance() bool {
	if !m.advance() {
		return false
	}
	m.notify()
	return true
}

func (m *Monitor) advance() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == nil {
		return false
	}
	before := *m.state
	m.state.Problem = m.problem
	if m.problem == "" {
		m.state.Phase, m.state.Version = containers.PhaseConnected, Version
	} else {
		m.state.Phase = containers.PhaseFailed
	}
	if *m.state == before {
		return false
	}
	if m.problem == "" {
		m.smokeTests++
	}
	return true
}

func (m *Monitor) notify() {
	m.mu.Lock()
	changed := m.changed
	m.mu.Unlock()
	if changed != nil {
		changed()
	}
}
