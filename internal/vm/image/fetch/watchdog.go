// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("the server sends nothing any more")

// watchdog returns a context that ends when alive has not been called for so long.
func watchdog(ctx context.Context, limit time.Duration) (_ context.Context, alive func(), cancel func()) {
	ctx, stop := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { stop(errStalled) })
	return ctx, func() { timer.Reset(limit) }, func() { timer.Stop(); stop(nil) }
}

// watched is a body that keeps its watchdog quiet.
type watched struct {
	io.ReadCloser
	ctx   context.Context
	alive func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.alive()
	}
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}
