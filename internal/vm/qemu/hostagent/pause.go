// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"encoding/json"
	"strings"
	"sync"
	"syscall"
	"time"

	"rancherdesktop.io/rdd/internal/qmp"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

const (
	// runningInterval is how often QEMU's process is checked while the guest runs. QEMU itself
	// reports at once that it has stopped the guest.
	runningInterval = 5 * time.Second
	// pausedInterval is how often it is checked whether a paused guest can go on.
	pausedInterval = time.Second
	// firstResume and longestResume are the pauses between attempts to resume a guest that stops
	// again each time.
	firstResume, longestResume = time.Second, 15 * time.Second
	// resumedFor is how long a guest must have run after such an attempt to count as resumed.
	resumedFor = time.Second
)

// pauses observes whether QEMU runs the guest, records why it does not, and resumes a guest that
// QEMU has stopped as soon as the cause is gone. One that somebody has paused stays so, until a
// start or a stop is requested.
type pauses struct {
	agent   *agent
	machine *machineProcess
	changed chan struct{} // QEMU has reported something, or is connected again

	mu     sync.Mutex
	reason string        // why the host could not write last, in its own language
	total  time.Duration // of pauses that have ended
	since  time.Time     // of the present pause; zero when there is none
	seen   int           // how often the guest was observed to be paused, since it ran last

	// Only run uses these.
	requested bool          // to resume the guest whatever paused it
	delay     time.Duration // before the next attempt
	tried     time.Time     // the last attempt
}

func newPauses(a *agent, m *machineProcess) *pauses {
	return &pauses{agent: a, machine: m, changed: make(chan struct{}, 1)}
}

// check has the guest's state looked at soon. It never blocks.
func (p *pauses) check() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// onEvent takes an event of QEMU's that may be about a pause.
func (p *pauses) onEvent(e qmp.Event) {
	switch e.Name {
	case "BLOCK_IO_ERROR":
		var data struct{ Action, Reason string }
		if json.Unmarshal(e.Data, &data) != nil || data.Action != "stop" {
			return
		}
		p.mu.Lock()
		p.reason = data.Reason
		p.mu.Unlock()
	case "STOP", "RESUME", "SUSPEND", "WAKEUP", "GUEST_PANICKED", "WATCHDOG", "SHUTDOWN":
	default:
		return
	}
	p.check()
}

// run observes the guest until the machine ends, or cannot go on.
func (p *pauses) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.machine.ctx.Done():
			return
		case <-p.machine.ended:
			return
		case <-p.agent.resumes:
			p.requested = true
		case <-p.changed:
		case <-timer.C:
		}
		state, err := p.observe()
		if err != nil {
			// QEMU is starting or ending, or it does not answer: keepQMP logs that.
			p.agent.Log.Debug("looking whether the guest runs", "error", err)
			timer.Reset(p.againAfter())
			continue
		}
		if text, final := finalStates[state.name]; final {
			p.machine.broken <- &vm.Fault{Kind: vm.FaultProcessEnded, Text: text + "; " + p.agent.logTails()}
			return
		}
		if state.pause == nil {
			timer.Reset(p.running())
			continue
		}
		p.record(state.pause)
		p.resume(state.pause)
		timer.Reset(pausedInterval)
	}
}

// againAfter returns when the guest is observed again after an observation that has failed.
func (p *pauses) againAfter() time.Duration {
	if p.agent.stops.requested() || p.agent.state.get().Pause != nil {
		return pausedInterval // a stop and whoever reads the state wait for a new one
	}
	return runningInterval
}

// guestState is QEMU's run state, and the pause that it means; nil for a guest that runs.
type guestState struct {
	name  string
	pause *vm.Pause
}

// observe asks for the state of the process, and of the guest in it.
func (p *pauses) observe() (guestState, error) {
	stopped, err := p.machine.identity.Stopped()
	if err != nil {
		return guestState{}, err
	}
	if stopped {
		return guestState{pause: stoppedProcess(p.machine.identity.PID)}, nil
	}
	var status struct {
		Running bool
		Status  string
	}
	if err := p.machine.executeFor(p.machine.ctx, "query-status", nil, &status); err != nil || status.Running {
		return guestState{}, err
	}
	state := guestState{name: status.Status}
	var disk diskError
	var room int64
	if state.name == stateIOError {
		if disk, err = p.failedDisk(); err != nil {
			return guestState{}, err
		}
		if room, err = p.agent.room(disk.path); err != nil {
			return guestState{}, err
		}
	}
	state.pause = pauseOf(state.name, disk, room)
	return state, nil
}

// failedDisk returns the disk for which QEMU has stopped the guest. What the host's error was is
// known by QEMU's event, or recorded by the hostagent before this one.
func (p *pauses) failedDisk() (diskError, error) {
	p.mu.Lock()
	disk := diskError{path: p.agent.Dir.Disk(), text: p.reason}
	p.mu.Unlock()
	var devices []struct {
		Status   string `json:"io-status"`
		Inserted struct{ File string }
	}
	if err := p.machine.executeFor(p.machine.ctx, "query-block", nil, &devices); err != nil {
		return diskError{}, err
	}
	for _, d := range devices {
		if d.Status != "nospace" && d.Status != "failed" {
			continue
		}
		disk.full = d.Status == "nospace"
		if strings.HasPrefix(d.Inserted.File, "/") {
			disk.path = d.Inserted.File
		}
		break
	}
	before := p.agent.state.get().Pause
	if disk.text == "" && !disk.full && before != nil && before.Reason == vm.PauseQuota {
		disk.text = syscall.EDQUOT.Error()
	}
	return disk, nil
}

// record records a pause, unless that is so already.
func (p *pauses) record(pause *vm.Pause) {
	before := p.agent.state.get().Pause
	if pause.Since = time.Now(); before != nil && before.Reason == pause.Reason {
		pause.Since = before.Since
	}
	p.mu.Lock()
	p.seen++
	if p.since.IsZero() {
		p.since = time.Now()
	}
	p.mu.Unlock()
	if before != nil && alike(*before, *pause) {
		return
	}
	if before == nil || before.Reason != pause.Reason {
		p.agent.Log.Warn("the guest does not run", "reason", pause.Reason, "text", pause.Text)
	}
	p.agent.state.update(func(run *vmdir.Run) { run.Pause = pause })
}

// running records that the guest runs, and returns when it is checked again. A guest that was just
// resumed may be stopped again at once.
func (p *pauses) running() time.Duration {
	if left := resumedFor - time.Since(p.tried); left > 0 {
		return left
	}
	p.delay, p.requested = 0, false
	p.mu.Lock()
	p.seen = 0
	p.mu.Unlock()
	if p.agent.state.get().Pause == nil {
		return runningInterval
	}
	p.mu.Lock()
	if !p.since.IsZero() {
		p.total += time.Since(p.since)
	}
	p.since, p.reason = time.Time{}, ""
	p.mu.Unlock()
	p.agent.Log.Info("the guest goes on")
	p.agent.state.update(func(run *vmdir.Run) { run.Pause = nil })
	return runningInterval
}

// seenPaused returns how often the guest was observed to be paused since it ran last. A pause that
// the hostagent before this one has recorded does not count.
func (p *pauses) seenPaused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// lasted returns how long the guest was paused so far.
func (p *pauses) lasted() (total time.Duration, now bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		return p.total, false
	}
	return p.total + time.Since(p.since), true
}
