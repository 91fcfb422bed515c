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

// The container engines that a Target can have.
const (
	Moby       = "moby"
	Containerd = "containerd"
)

// Target is a container engine in one start of a machine.
type Target struct {
	// Engine is Moby or Containerd.
	Engine string
	// Instance is the machine's name.
	Instance string
	// Run identifies the start of the machine: it is the LimaVM's restart count.
	Run int64
}

// Phase says whether a target is usable.
type Phase string

const (
	// PhaseConnecting is the phase before the first smoke test has ended, within the grace period.
	PhaseConnecting Phase = "Connecting"
	// PhaseConnected means that the target has passed the smoke test, and was not lost for longer than
	// the grace period since.
	PhaseConnected Phase = "Connected"
	// PhaseFailed means that the target fails the smoke test, or was lost for longer than the grace
	// period. The Monitor goes on trying.
	PhaseFailed Phase = "Failed"
)

// State is the health of a target: what a Monitor reports of it.
type State struct {
	Target Target
	Phase  Phase
	// Version is the engine's version, once the engine has passed the smoke test.
	Version string
	// Problem is the message that says why Phase is PhaseFailed; empty in the other phases.
	Problem string
	// Since is when Phase began.
	Since time.Time
}

// Shell runs a command in the guest of an instance, and returns its exit code. Its contract is that
// of vm.GuestRunner.
type Shell func(ctx context.Context, instance string, command vm.Command) (int, error)

// Config is what a Monitor needs.
type Config struct {
	// DockerSocket is Docker's Unix socket on this host.
	DockerSocket string
	// Shell runs commands in guests. containerd needs it; nil when the engine of virtual machines
	// cannot run any.
	Shell Shell
	// Now returns the time for State.Since; nil means time.Now.
	Now func() time.Time
	// Timing replaces values of DefaultTiming; a field that is 0 keeps its default.
	Timing Timing
	// Log gets what happens to the container engine; nil means that nothing is logged.
	Log *slog.Logger
}

// Timing has the intervals and timeouts of a Monitor.
type Timing struct {
	// Grace is the grace period: how long an engine may be away, or refuse a first connection, before
	// it is reported as failed.
	Grace time.Duration
	// StepTimeout is the timeout of each step of a session: the engine's first answer, and the steps
	// of the smoke test.
	StepTimeout time.Duration
	// Retry is the pause after a failed attempt. After the grace period it doubles with each failure,
	// up to RetryMax.
	Retry, RetryMax time.Duration
	// Ping is the ping interval and PingTimeout the timeout of one ping. The interval is multiplied by
	// the engine's ping interval factor.
	Ping, PingTimeout time.Duration
	// Cleanup is the timeout for removing the container of a smoke test that failed or was cancelled.
	// Close waits for that. A container that is left is removed by the next smoke test.
	Cleanup time.Duration
}

// DefaultTiming returns the timing that rdd uses. It allows for emulated guests, in which running a
// container takes up to 17 s.
func DefaultTiming() Timing {
	return Timing{
		Grace: 10 * time.Second, StepTimeout: 3 * time.Minute, Retry: time.Second, RetryMax: 30 * time.Second,
		Ping: 30 * time.Second, PingTimeout: time.Minute, Cleanup: 3 * time.Second,
	}
}

func (t Timing) orDefault() Timing {
	d := DefaultTiming()
	return Timing{
		Grace: cmp.Or(t.Grace, d.Grace), StepTimeout: cmp.Or(t.StepTimeout, d.StepTimeout),
		Retry: cmp.Or(t.Retry, d.Retry), RetryMax: cmp.Or(t.RetryMax, d.RetryMax),
		Ping: cmp.Or(t.Ping, d.Ping), PingTimeout: cmp.Or(t.PingTimeout, d.PingTimeout), Cleanup: cmp.Or(t.Cleanup, d.Cleanup),
	}
}

// Monitor follows one container engine in the background. It is safe for concurrent use.
type Monitor struct {
	config Config
	// open returns the engine of a target; tests replace it.
	open func(Target) (engine, error)

	work sync.WaitGroup
	// stop ends the goroutine of Watch.
	stop chan struct{}
	// wake has it call changed. Its buffer of one merges changes that come in quick succession.
	wake chan struct{}

	mu      sync.Mutex
	closed  bool
	current *follower
}

// NewMonitor returns a Monitor without a target. The caller closes it.
func NewMonitor(config Config) *Monitor {
	config.Timing = config.Timing.orDefault()
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	m := &Monitor{config: config, stop: make(chan struct{}), wake: make(chan struct{}, 1)}
	m.open = m.openEngine
	return m
}

// Watch calls changed after each possible change of State, one call at a time, until Close. changed
// must not block. Watch is called at most once, before Follow.
func (m *Monitor) Watch(changed func()) {
	m.work.Go(func() {
		for {
			select {
			case <-m.stop:
				return
			case <-m.wake:
				changed()
			}
		}
	})
}

// Follow makes t the target in place of the current one; nil means no target. Follow does nothing
// when t equals the current target, or after Close. It does not block: work on the previous target
// is cancelled, and the new work begins when that has ended.
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

// drop cancels the work on the current target and returns a channel that is closed when the work
// has ended; nil when there is no target. The caller holds mu.
func (m *Monitor) drop() <-chan struct{} {
	if m.current == nil {
		return nil
	}
	f := m.current
	m.current = nil
	f.cancel()
	return f.done
}

// State returns the health of the target; nil when there is no target.
func (m *Monitor) State() *State {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return nil
	}
	return m.current.snapshot()
}

// Close cancels all work and waits until it has ended. It may be called more than once.
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

// notify wakes the goroutine of Watch. It does not block.
func (m *Monitor) notify() {
	select {
	case m.wake <- struct{}{}:
	default: // a call of changed is due already
	}
}
