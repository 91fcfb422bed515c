// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"fmt"
)

// Interruptibly returns what do returns, or when ctx ends before, an error that wraps the cause.
// It is for reading what the user gives: opening a FIFO waits for its writer, reading a terminal
// for the user, and nothing interrupts either. do goes on in the background then, until the program
// ends.
func Interruptibly[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("gave up waiting for it: %w", context.Cause(ctx))
	}
}
