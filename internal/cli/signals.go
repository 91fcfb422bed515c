// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"os/signal"

	"rancherdesktop.io/rdd/internal/cli/session"
)

// withSignals returns a context that the first of these signals ends. Its cause is a
// *session.SignalError. The next signal has its default effect: a second Ctrl-C ends the program at
// once. stop releases the signals and ends the context.
func withSignals(parent context.Context, signals ...os.Signal) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	go func() {
		select {
		case s := <-received:
			signal.Stop(received)
			cancel(&session.SignalError{Signal: s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel(nil)
	}
}
