// SPDX-License-Identifier: Apache-2.0

package qemu

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// work is what this engine does, or did last, for an instance in the background.
type work struct {
	operation vm.Operation
	owner     vm.Owner
	running   bool
	progress  vm.Progress
	failure   *vm.Failure
	cancel    context.CancelFunc
	done      chan struct{}
}

func (w work) isDelete() bool { return w.running && w.operation == vm.OperationDelete }

// works holds the background work by instance, and notifies listeners of its progress.
type works struct {
	mu        sync.Mutex
	byName    map[string]*work
	listeners map[*pending]bool
}

func newWorks() *works {
	return &works{byName: map[string]*work{}, listeners: map[*pending]bool{}}
}

// get returns a copy of the work for an instance; the zero work when there is none.
func (w *works) get(name string) work {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.byName[name]; known != nil {
		return *known
	}
	return work{}
}

// begin starts do in the background. The error it returns is kept as the instance's failure, until
// a call of begin or forget for that instance.
func (w *works) begin(name string, owner vm.Owner, operation vm.Operation, do func(ctx context.Context, report func(vm.Progress)) error) {
	ctx, cancel := context.WithCancel(context.Background())
	current := &work{
		operation: operation, owner: owner, running: true, cancel: cancel, done: make(chan struct{}),
		progress: vm.Progress{Percent: -1, Since: time.Now()},
	}
	w.mu.Lock()
	w.byName[name] = current
	w.mu.Unlock()
	w.changed(name)
	go func() {
		defer cancel()
		err := do(ctx, func(p vm.Progress) { w.report(name, current, p) })
		w.finish(name, current, err)
	}()
}

// report stores progress of current work.
func (w *works) report(name string, current *work, p vm.Progress) {
	if p.Since.IsZero() {
		p.Since = time.Now()
	}
	w.mu.Lock()
	current.progress = p
	w.mu.Unlock()
	w.changed(name)
}

// finish stores the failure of work, or drops work that has succeeded.
func (w *works) finish(name string, current *work, err error) {
	w.mu.Lock()
	current.running = false
	if err != nil {
		current.failure = &vm.Failure{Operation: current.operation, Fault: vm.FaultOf(err), At: time.Now()}
	} else if w.byName[name] == current {
		delete(w.byName, name)
	}
	close(current.done)
	w.mu.Unlock()
	w.changed(name)
}

// forget drops the failure of an operation that begins again.
func (w *works) forget(name string, operations ...vm.Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.byName[name]; known != nil && !known.running && slices.Contains(operations, known.operation) {
		delete(w.byName, name)
	}
}

// changed adds an instance's name to all listeners.
func (w *works) changed(name string) {
	w.mu.Lock()
	listeners := slices.Collect(maps.Keys(w.listeners))
	w.mu.Unlock()
	for _, listener := range listeners {
		listener.add(name)
	}
}

func (w *works) listen(p *pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners[p] = true
}

func (w *works) unlisten(p *pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.listeners, p)
}

// pending is a queue of names, each in it at most once. Adding never blocks.
type pending struct {
	mu     sync.Mutex
	names  map[string]bool
	signal chan struct{}
}

func newPending() *pending {
	return &pending{names: map[string]bool{}, signal: make(chan struct{}, 1)}
}

func (p *pending) add(name string) {
	p.mu.Lock()
	p.names[name] = true
	p.mu.Unlock()
	select {
	case p.signal <- struct{}{}:
	default:
	}
}

// take empties the queue.
func (p *pending) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := slices.Sorted(maps.Keys(p.names))
	clear(p.names)
	return names
}
