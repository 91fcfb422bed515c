// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"context"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// homeTimeout is the timeout of the check of the user's home.
const homeTimeout = 10 * time.Second

// homeCheck finds out once, in the background, whether the user's home can be shared with guests.
// The engine runs a program for that. Admission rules use the result and must not wait for a
// program.
type homeCheck struct {
	done    chan struct{}
	problem error
}

// checkHome starts the check, which ends with ctx at the latest. There is nothing to check when the
// engine does not have the ability vm.HomeChecker.
func checkHome(ctx context.Context, machines vm.Engine) *homeCheck {
	h := &homeCheck{done: make(chan struct{})}
	checker, ok := machines.(vm.HomeChecker)
	if !ok {
		close(h.done)
		return h
	}
	go func() {
		defer close(h.done)
		ctx, cancel := context.WithTimeout(ctx, homeTimeout)
		defer cancel()
		h.problem = checker.HomeProblem(ctx)
	}()
	return h
}

// Problem returns why the user's home cannot be shared with guests. It returns nil when it can,
// when the engine cannot check it, and until the check has ended. It does not block.
func (h *homeCheck) Problem() error {
	select {
	case <-h.done:
		return h.problem
	default:
		return nil
	}
}

// wait returns nil when the check has ended, or the error of ctx.
func (h *homeCheck) wait(ctx context.Context) error {
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
