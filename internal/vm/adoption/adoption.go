// SPDX-License-Identifier: Apache-2.0

// Package adoption has machines that lost the process that serves them adopted, as after a crash of
// that process, or when it was killed while no daemon ran. Whoever wants it calls Run beside
// whatever else drives the engine: the LimaVM controller does, for as long as it runs. An engine's
// Watch only watches, so a client that waits for a machine starts nothing.
//
// It goes for every instance of the engine, also for one whose API object is gone: its guest goes
// on, and its ports are to be reached. A machine that has ended is never started.
package adoption

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/util/workqueue"

	"rancherdesktop.io/rdd/internal/vm"
)

// Pauses between attempts to adopt one machine. They double while what serves it ends again within
// the longest.
const (
	FirstPause = 500 * time.Millisecond
	LastPause  = 10 * time.Second
)

// attempt is the last attempt to adopt a machine, and how long to wait before the next.
type attempt struct {
	at    time.Time
	pause time.Duration
}

// adopter adopts the machines of one engine, one at a time.
type adopter struct {
	machines vm.Adopter
	attempts map[string]attempt
	log      *slog.Logger
}

// Run has machines adopted until ctx ends: those that need it now, and each as soon as the engine's
// Watch reports it. It returns nil at once for an engine without the ability. What fails is logged
// and tried again. The error it returns is that of Watch.
func Run(ctx context.Context, engine vm.Engine, log *slog.Logger) error {
	machines, ok := engine.(vm.Adopter)
	if !ok {
		return nil
	}
	queue := workqueue.NewTypedDelayingQueue[string]()
	defer queue.ShutDown()
	defer context.AfterFunc(ctx, queue.ShutDown)()
	if err := engine.Watch(ctx, queue.Add); err != nil {
		return fmt.Errorf("watching for machines to adopt: %w", err)
	}
	a := &adopter{machines: machines, attempts: map[string]attempt{}, log: log}
	for {
		name, shutDown := queue.Get()
		if shutDown {
			return nil
		}
		if wait := a.attend(ctx, name); wait > 0 {
			queue.AddAfter(name, wait)
		}
		queue.Done(name)
	}
}

// attend adopts a machine if need be, and returns how long to wait before attending to it again; 0:
// until something changes.
func (a *adopter) attend(ctx context.Context, name string) time.Duration {
	last := a.attempts[name]
	since := time.Since(last.at)
	if since < last.pause {
		return last.pause - since
	}
	begun, err := a.machines.Adopt(ctx, name)
	switch {
	case errors.Is(err, vm.ErrNotFound):
		delete(a.attempts, name)
		return 0
	case !begun && err == nil:
		return 0
	case err != nil && !errors.Is(err, vm.ErrBusy) && ctx.Err() == nil:
		a.log.Error("adopting a machine", "instance", name, "error", err)
	}
	next := attempt{at: time.Now(), pause: FirstPause}
	if since < last.pause+LastPause {
		next.pause = min(max(2*last.pause, FirstPause), LastPause)
	}
	a.attempts[name] = next
	return next.pause
}
