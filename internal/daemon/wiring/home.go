// SPDX-License-Identifier: Apache-2.0

package wiring

import (
	"context"
	"time"

	"rancherdesktop.io/rdd/internal/vm"
)

// homeTimeout bounds the check of the user's home.
const homeTimeout = 10 * time.Second

// homeCheck finds out once, in the background, why guests cannot see the user's home. The engine
// runs a program for that, which admission, where the answer is needed, must not wait for.
type homeCheck struct {
	done    chan struct{}
	problem error
}

// checkHome begins the check, which ends with ctx at the latest.
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

// Problem says why guests cannot see the user's home; nil when they can, where nobody knows, and
// until it is known. It never blocks.
func (h *homeCheck) Problem() error {
	select {
	case <-h.done:
		return h.problem
	default:
		return nil
	}
}

// wait returns when the answer is known, or with the error of ctx.
func (h *homeCheck) wait(ctx context.Context) error {
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
