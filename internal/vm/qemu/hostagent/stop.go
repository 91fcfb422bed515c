// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// errStopRequested says that work was ended by a request to stop the machine.
var errStopRequested = errors.New("the machine was told to stop")

const (
	// powerButtonInterval: a guest that is still booting ignores the button.
	powerButtonInterval = 5 * time.Second
	// pausedChecks is how often a guest is found paused anew, at most once a second, before it is
	// given up.
	pausedChecks = 5
	// quitTimeout bounds the wait for QEMU to write its caches and end.
	quitTimeout = 10 * time.Second
	killTimeout = 30 * time.Second
)

// stopRequests keeps the strongest request so far: force is stronger than a shutdown.
type stopRequests struct {
	mu    sync.Mutex
	first chan struct{} // closed at the first request
	force chan struct{} // closed when force is asked for
	mode  vm.StopMode
}

func newStopRequests() *stopRequests {
	return &stopRequests{first: make(chan struct{}), force: make(chan struct{})}
}

// add reports whether the request changes anything.
func (s *stopRequests) add(mode vm.StopMode) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mode == mode || s.mode == vm.StopForce {
		return false
	}
	if s.mode == "" {
		close(s.first)
	}
	if mode == vm.StopForce {
		close(s.force)
	}
	s.mode = mode
	return true
}

func (s *stopRequests) requested() bool {
	select {
	case <-s.first:
		return true
	default:
		return false
	}
}

// context returns a context that ends at the first request.
func (s *stopRequests) context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		select {
		case <-s.first:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// requestStop begins to stop the machine. When it returns, run.json says so.
func (a *agent) requestStop(mode vm.StopMode) {
	if !a.stops.add(mode) {
		return
	}
	a.Log.Info("told to stop", "mode", mode)
	a.state.update(func(run *vmdir.Run) {
		if run.End != nil {
			return
		}
		run.Phase, run.StopMode = vm.PhaseStopping, mode
		run.Progress = vm.Progress{Step: "stopping", Percent: -1, Since: time.Now()}
	})
	a.requestResume() // a paused guest cannot shut down
}

// shutDown ends the machine: by the power button, then QMP, then SIGKILL.
func (a *agent) shutDown(m *machineProcess) {
	if !a.stops.isForce() {
		a.state.step(vm.PhaseStopping, "shutting down the guest", 1, 2)
		a.pressPowerButton(m)
	}
	if !m.hasEnded() {
		a.state.step(vm.PhaseStopping, "ending the virtual machine", 2, 2)
		if err := a.kill(m); err != nil {
			a.Log.Error("the virtual machine cannot be ended", "error", err)
			a.state.step(vm.PhaseStopping, "waiting for QEMU, which cannot be ended: "+err.Error(), 2, 2)
			<-m.ended
		}
	}
	a.state.end(vmdir.End{})
}

func (s *stopRequests) isForce() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode == vm.StopForce
}

// pressPowerButton presses the guest's power button again and again, until the machine ends, a stop
// by force is requested, or the timeout is over. A paused guest does not see the button: it is
// resumed meanwhile, and given up when it stays paused. What it has synced is on its disk.
func (a *agent) pressPowerButton(m *machineProcess) {
	deadline := time.NewTimer(a.deadlines(m.accelerator).shutdown)
	defer deadline.Stop()
	again := time.NewTicker(powerButtonInterval)
	defer again.Stop()
	check := time.NewTicker(pausedInterval)
	defer check.Stop()
	a.press(m)
	stuck := pausedCount{seen: m.pauses.seenPaused()}
	for stuck.times < pausedChecks {
		select {
		case <-m.ended:
			return
		case <-a.stops.force:
			return
		case <-deadline.C:
			a.Log.Warn("the guest did not shut down in time")
			return
		case err := <-m.broken:
			a.Log.Warn("the guest cannot shut down any more", "error", err)
			return
		case <-again.C:
			a.press(m)
		case <-check.C:
			if goesOn := stuck.add(m.pauses.seenPaused()); goesOn {
				a.press(m) // it may not have noticed before
			}
		}
	}
	a.Log.Warn("the guest cannot shut down while it is paused: what it has not written is lost")
	a.state.step(vm.PhaseStopping, "ending the guest, which is paused and cannot shut down", 1, 2)
}

// pausedCount counts the checks at which a guest was observed to be paused again. Neither the pause
// in the state counts nor one that was seen at the check before: the guest may run by now.
type pausedCount struct{ seen, times int }

// add takes how often the guest was observed to be paused since it ran last. It reports whether it
// has gone on since the check before.
func (c *pausedCount) add(seen int) (goesOn bool) {
	switch before := c.seen; {
	case seen > before:
		c.times++
	case seen < before:
		c.times, goesOn = 0, true
	}
	c.seen = seen
	return goesOn
}

// press presses the guest's power button.
func (a *agent) press(m *machineProcess) {
	if err := m.execute("system_powerdown"); err != nil && !m.hasEnded() {
		a.Log.Warn("pressing the guest's power button", "error", err)
	}
}

// kill ends QEMU without shutting the guest down. QEMU writes its caches to the disk, unless it
// hangs and gets SIGKILL.
func (a *agent) kill(m *machineProcess) error {
	if err := m.execute("quit"); err != nil {
		a.Log.Warn("telling QEMU to quit", "error", err)
	} else if m.waitEnd(quitTimeout) {
		return nil
	}
	if err := m.identity.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, process.ErrGone) {
		return err
	}
	if !m.waitEnd(killTimeout) {
		return fmt.Errorf("process %d has not ended %s after SIGKILL", m.identity.PID, killTimeout)
	}
	return nil
}
