// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"maps"
	"slices"
)

// watcher collects the names that its goroutine passes to a callback of Watch.
type watcher struct {
	pending []string // guarded by World.mu
	wake    chan struct{}
}

// Watch implements vm.Engine.
func (e *Engine) Watch(ctx context.Context, changed func(name string)) error {
	w := e.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.plan.methods["Watch"]; err != nil {
		return err
	}
	watch := &watcher{wake: make(chan struct{}, 1)}
	w.watchers[watch] = struct{}{}
	for _, name := range slices.Sorted(maps.Keys(w.instances)) {
		watch.add(name)
	}
	go w.deliver(ctx, watch, changed)
	return nil
}

// deliver calls changed without holding the world's lock, so that it may call the engine.
func (w *World) deliver(ctx context.Context, watch *watcher, changed func(string)) {
	defer w.forget(watch)
	for {
		select {
		case <-ctx.Done():
			return
		case <-watch.wake:
		}
		for _, name := range w.take(watch) {
			changed(name)
		}
	}
}

func (w *World) take(watch *watcher) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := watch.pending
	watch.pending = nil
	return names
}

func (w *World) forget(watch *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, watch)
}

// changed wakes every watcher for an instance; the world's lock is held.
func (w *World) changed(name string) {
	for watch := range w.watchers {
		watch.add(name)
	}
}

func (k *watcher) add(name string) {
	if !slices.Contains(k.pending, name) {
		k.pending = append(k.pending, name)
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}
