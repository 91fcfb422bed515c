// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// Container engines there are.
const (
	Moby       = "moby"
	Containerd = "containerd"
)

// Target is a container engine in one run of a machine.
type Target struct {
	// Engine is Moby or Containerd.
	Engine string
	// Instance is the machine's name.
	Instance string
	// Run says which start of the machine it is.
	Run int64
}

// Phase is how far the work on a target has come.
type Phase string

const (
	// PhaseConnecting: the smoke test is not passed yet, and nothing is wrong.
	PhaseConnecting Phase = "Connecting"
	// PhaseConnected: the smoke test is passed, and the engine not known to be gone for longer than
	// a moment.
	PhaseConnected Phase = "Connected"
	// PhaseFailed: it fails the smoke test, or was lost. That is tried again and again.
	PhaseFailed Phase = "Failed"
)

// State is what is known of the target.
type State struct {
	Target Target
	Phase  Phase
	// Version of the engine, once it has passed the smoke test.
	Version string
	// Problem is why it is not connected, for people; empty while connecting for the first time and
	// when connected.
	Problem string
	// Since is when Phase began.
	Since time.Time
}

// Shell runs a command in the guest of an instance, as vm.GuestRunner says.
type Shell func(ctx context.Context, instance string, command vm.Command) (int, error)

// Config is what a Monitor needs.
type Config struct {
	// DockerSocket is Docker's Unix socket on this host.
	DockerSocket string
	// Shell is the way to containerd; nil where guests cannot be reached.
	Shell Shell
	// Now is the time of State.Since; nil: time.Now.
	Now func() time.Time
	// Pauses are DefaultPauses where they are 0.
	Pauses Pauses
	Log    *slog.Logger
}

// Pauses say how patient a Monitor is.
type Pauses struct {
	// Grace is how long an engine may be away before it counts as failed, and how long a first
	// connection may be refused.
	Grace time.Duration
	// Patience is how long an engine that accepts a connection may take for its first answer, and
	// for each step of a smoke test.
	Patience time.Duration
	// Retry is the pause after a failed attempt; once the grace is over it doubles with each, up to
	// RetryMax.
	Retry, RetryMax time.Duration
	// Ping is the time between two signs of life, PingTimeout how long one may take. Engines for
	// which they are costly are pinged less often.
	Ping, PingTimeout time.Duration
	// Cleanup bounds the removal of the container of a smoke test that failed or was called off,
	// for which Close waits; what is left is removed by the next smoke test.
	Cleanup time.Duration
}

// DefaultPauses hold for emulated guests, too, in which a container takes up to 17 s.
func DefaultPauses() Pauses {
	return Pauses{
		Grace: 10 * time.Second, Patience: 3 * time.Minute, Retry: time.Second, RetryMax: 30 * time.Second,
		Ping: 30 * time.Second, PingTimeout: time.Minute, Cleanup: 3 * time.Second,
	}
}

func (p Pauses) orDefault() Pauses {
	d := DefaultPauses()
	return Pauses{
		Grace: cmp.Or(p.Grace, d.Grace), Patience: cmp.Or(p.Patience, d.Patience),
		Retry: cmp.Or(p.Retry, d.Retry), RetryMax: cmp.Or(p.RetryMax, d.RetryMax),
		Ping: cmp.Or(p.Ping, d.Ping), PingTimeout: cmp.Or(p.PingTimeout, d.PingTimeout), Cleanup: cmp.Or(p.Cleanup, d.Cleanup),
	}
}

// Monitor follows one container engine in the background. It is safe for concurrent use.
type Monitor struct {
	config Config
	// open makes what reaches a target; tests have their own.
	open func(Target) (engine, error)

	work sync.WaitGroup
	// stop ends the calls of changed.
	stop chan struct{}
	// news wakes them.
	news chan struct{}

	mu      sync.Mutex
	closed  bool
	current *follower
}

// NewMonitor returns a Monitor that follows none.
func NewMonitor(config Config) *Monitor {
	config.Pauses = config.Pauses.orDefault()
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	m := &Monitor{config: config, stop: make(chan struct{}), news: make(chan struct{}, 1)}
	m.open = m.openEngine
	return m
}

// Watch has changed called whenever State may have changed: serially, and it must not block. It is
// to be set once, before Follow.
func (m *Monitor) Watch(changed func()) {
	m.work.Go(func() {
		for {
			select {
			case <-m.stop:
				return
			case <-m.news:
				changed()
			}
		}
	})
}

// Follow makes t the target instead of another one; nil: there is none. The same target again
// changes nothing. It never blocks.
func (m *Monitor) Follow(t *Target) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || (m.current == nil && t == nil) || (m.current != nil && t != nil && m.current.target == *t) {
		return
	}
	before := m.drop()
	if t != nil {
		f := m.newFollower(*t)
		m.current = f
		m.work.Go(func() { f.run(before) })
	}
	m.notify()
}

// drop ends the work on the target and returns what says that it has ended; nil when there is none.
func (m *Monitor) drop() <-chan struct{} {
	if m.current == nil {
		return nil
	}
	f := m.current
	m.current = nil
	f.cancel()
	return f.done
}

// State is what is known of the target; nil when the Monitor follows none.
func (m *Monitor) State() *State {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil
	}
	return m.current.snapshot()
}

// Close ends all work and waits for it.
func (m *Monitor) Close() {
	m.mu.Lock()
	m.drop()
	if !m.closed {
		m.closed = true
		close(m.stop)
	}
	m.mu.Unlock()
	m.work.Wait()
}

// notify says that State may have changed.
func (m *Monitor) notify() {
	select {
	case m.news <- struct{}{}:
	default: // a call is due anyway
	}
}
