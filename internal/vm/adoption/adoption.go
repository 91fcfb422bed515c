// SPDX-License-Identifier: Apache-2.0

// Package adoption adopts machines that lost the process that serves them: that process crashed, or
// was killed while no daemon ran. The LimaVM controller calls Run for as long as it runs. An
// engine's Watch only watches, so a client that waits for a machine starts nothing.
//
// Every instance of the engine is adopted, also one whose API object was deleted: its guest goes
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

// Back-off between attempts to adopt one machine. It doubles, up to LastPause, as long as the
// adopting process ends again within LastPause.
const (
	FirstPause = 500 * time.Millisecond
	LastPause  = 10 * time.Second
)

// attempt is the last attempt to adopt a machine, and the pause before the next.
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

// Run adopts machines until ctx ends: those that need it now, and each as soon as the engine's
// Watch reports it. It returns nil at once for an engine that is no vm.Adopter. An adoption that
// fails is logged and tried again. The error that Run returns is that of Watch.
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
		if wait := a.reconcile(ctx, name); wait > 0 {
			queue.AddAfter(name, wait)
		}
		queue.Done(name)
	}
}

// reconcile adopts a machine if it needs that, and returns after how long to call it again; 0: when
// something changes.
func (a *adopter) reconcile(ctx context.Context, name string) time.Duration {
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
	// Counted when the attempt succeeds too: the new process may end at once.
	next := attempt{at: time.Now(), pause: FirstPause}
	if since < last.pause+LastPause {
		next.pause = min(max(2*last.pause, FirstPause), LastPause)
	}
	a.attempts[name] = next
	return next.pause
}
