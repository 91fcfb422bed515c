// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/qemu/protocol"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// historyLength is how many past events a new listener gets.
const historyLength = 100

// runRecorder records the state of the machine in run.json, and publishes each change as an event.
type runRecorder struct {
	config Config
	// lock is ha.lock.
	lock *flock.Lock

	mu  sync.Mutex
	run vmdir.Run
	// unwritten: the last write of run has failed.
	unwritten bool
	history   []protocol.Event
	listeners map[chan protocol.Event]bool
}

// newRunRecorder goes on with the state that an earlier hostagent of the same start has recorded.
func newRunRecorder(c Config, lock *flock.Lock, run vmdir.Run) (*runRecorder, error) {
	self, err := identity()
	if err != nil {
		return nil, err
	}
	// The ports that the hostagent before this one forwarded were closed with it.
	run.Hostagent, run.End, run.Forwards = self, nil, nil
	return &runRecorder{config: c, lock: lock, run: run, listeners: map[chan protocol.Event]bool{}}, nil
}

// get returns a copy of the state.
func (r *runRecorder) get() vmdir.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.run
}

// update changes the state, publishes and records it, in this order: whoever reads it in run.json
// finds the event in the log.
func (r *runRecorder) update(change func(*vmdir.Run)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.run)
	r.publish(describe(r.run))
	r.write()
}

// write records the state. A failure is logged once, and tried again by guard.
func (r *runRecorder) write() {
	err := r.config.Dir.WriteRun(r.lock, r.run)
	if err != nil && !r.unwritten {
		// Not returned: a full disk must not end the machine.
		r.config.Log.Error("writing the machine's state", "error", err)
	}
	r.unwritten = err != nil
}

// setForwards publishes an event for each forward that has changed, and records all.
func (r *runRecorder) setForwards(forwards []vm.Forward) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.run.Forwards
	r.run.Forwards = forwards
	for _, change := range changes(before, forwards) {
		e := describe(r.run)
		e.Status.PortForward = &change
		r.publish(e)
	}
	r.write()
}

// changes between two lists of forwards: those that have ended come first.
func changes(before, after []vm.Forward) []protocol.PortForward {
	var all []protocol.PortForward
	add := func(kind string, f vm.Forward) {
		all = append(all, protocol.PortForward{Type: kind, Protocol: f.Protocol, GuestAddr: f.Guest, HostAddr: f.Host, Error: f.Error})
	}
	for _, f := range before {
		if f.Error == "" && !slices.Contains(after, f) {
			add(protocol.ForwardingEnded, f)
		}
	}
	for _, f := range after {
		switch {
		case slices.Contains(before, f):
		case f.Error != "":
			add(protocol.ForwardingFailed, f)
		default:
			add(protocol.Forwarding, f)
		}
	}
	return all
}

// step records what is being done now: the step is the index-th of total.
func (r *runRecorder) step(phase vm.Phase, step string, index, total int) {
	r.config.Log.Info(step)
	r.update(func(run *vmdir.Run) {
		run.Phase = phase
		run.Progress = vm.Progress{Step: step, Index: index, Total: total, Percent: -1, Since: time.Now()}
	})
}

// end records the end of the machine.
func (r *runRecorder) end(end vmdir.End) {
	end.At = time.Now()
	r.update(func(run *vmdir.Run) {
		run.Phase, run.Progress, run.End, run.QEMU = vm.PhaseStopped, vm.Progress{}, &end, nil
		run.Message, run.Forwards, run.FailedUnits = "", nil, nil
	})
}

// describe is the state as an event.
func describe(run vmdir.Run) protocol.Event {
	e := protocol.Event{
		Time:   time.Now(),
		Phase:  string(run.Phase),
		Status: protocol.Status{Running: run.Phase == vm.PhaseRunning, SSHLocalPort: run.SSHPort, Exiting: run.End != nil},
	}
	if run.Progress.Step != "" {
		e.Progress = &protocol.Progress{Step: run.Progress.Step, Index: run.Progress.Index, Total: run.Progress.Total, Since: run.Progress.Since}
	}
	if run.End != nil && run.End.Fault != nil {
		e.Status.Errors, e.Status.Fault = []string{run.End.Fault.Text}, run.End.Fault
	}
	return e
}

// publish writes an event to the log and hands it to all listeners.
func (r *runRecorder) publish(e protocol.Event) {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = r.config.Events.Write(append(line, '\n'))
	}
	if err != nil {
		r.config.Log.Error("writing an event", "error", err)
	}
	if r.history = append(r.history, e); len(r.history) > historyLength {
		r.history = r.history[1:]
	}
	for listener := range r.listeners {
		select {
		case listener <- e:
		default: // a listener that does not read is dropped rather than waited for
			delete(r.listeners, listener)
			close(listener)
		}
	}
}

// listen returns the events so far and a channel for those to come.
func (r *runRecorder) listen() ([]protocol.Event, chan protocol.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	listener := make(chan protocol.Event, historyLength)
	r.listeners[listener] = true
	return append([]protocol.Event(nil), r.history...), listener
}

// forget removes a listener.
func (r *runRecorder) forget(listener chan protocol.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listeners, listener)
}
