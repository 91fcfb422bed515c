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

// historyLength of the events that a new listener is told.
const historyLength = 100

// account is what the hostagent knows of its machine: kept in run.json, told as events.
type account struct {
	config Config
	// lock is ha.lock.
	lock *flock.Lock

	mu        sync.Mutex
	run       vmdir.Run
	history   []protocol.Event
	listeners map[chan protocol.Event]bool
}

func newAccount(c Config, lock *flock.Lock, run vmdir.Run) (*account, error) {
	self, err := identity()
	if err != nil {
		return nil, err
	}
	// What the hostagent before this one listened on is gone with it.
	run.Hostagent, run.End, run.Forwards = self, nil, nil
	return &account{config: c, lock: lock, run: run, listeners: map[chan protocol.Event]bool{}}, nil
}

// get returns a copy of the account.
func (a *account) get() vmdir.Run {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.run
}

// update changes the account, tells it and writes it down: who sees it in run.json finds the event
// in the log.
func (a *account) update(change func(*vmdir.Run)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.run)
	a.tell(describe(a.run))
	a.write()
}

func (a *account) write() {
	if err := a.config.Dir.WriteRun(a.lock, a.run); err != nil {
		// The machine matters more than its account: a full disk must not end it.
		a.config.Log.Error("writing the machine's state", "error", err)
	}
}

// setForwards tells what is new in what is forwarded, and writes it down.
func (a *account) setForwards(forwards []vm.Forward) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.run.Forwards
	a.run.Forwards = forwards
	for _, change := range changes(before, forwards) {
		e := describe(a.run)
		e.Status.PortForward = &change
		a.tell(e)
	}
	a.write()
}

// changes between two lists of forwards: what is gone first.
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

// step says what is being done now.
func (a *account) step(phase vm.Phase, step string, index, total int) {
	a.config.Log.Info(step)
	a.update(func(run *vmdir.Run) {
		run.Phase = phase
		run.Progress = vm.Progress{Step: step, Index: index, Total: total, Percent: -1, Since: time.Now()}
	})
}

// end says that the machine has ended.
func (a *account) end(end vmdir.End) {
	end.At = time.Now()
	a.update(func(run *vmdir.Run) {
		run.Phase, run.Progress, run.End, run.QEMU = vm.PhaseStopped, vm.Progress{}, &end, nil
		run.Message, run.Forwards = "", nil
	})
}

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

func (a *account) tell(e protocol.Event) {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = a.config.Events.Write(append(line, '\n'))
	}
	if err != nil {
		a.config.Log.Error("writing an event", "error", err)
	}
	if a.history = append(a.history, e); len(a.history) > historyLength {
		a.history = a.history[1:]
	}
	for listener := range a.listeners {
		select {
		case listener <- e:
		default: // a listener that does not read is dropped rather than waited for
			delete(a.listeners, listener)
			close(listener)
		}
	}
}

// listen returns the events so far and a channel for those to come.
func (a *account) listen() ([]protocol.Event, chan protocol.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	listener := make(chan protocol.Event, historyLength)
	a.listeners[listener] = true
	return append([]protocol.Event(nil), a.history...), listener
}

func (a *account) forget(listener chan protocol.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.listeners, listener)
}
