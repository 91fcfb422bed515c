// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("the server sends nothing any more")

// watchdog returns a context that ends with errStalled when progressed has not been called for
// limit.
func watchdog(ctx context.Context, limit time.Duration) (_ context.Context, progressed func(), cancel func()) {
	ctx, stop := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { stop(errStalled) })
	return ctx, func() { timer.Reset(limit) }, func() { timer.Stop(); stop(nil) }
}

// watched is a response body whose data resets a watchdog.
type watched struct {
	io.ReadCloser
	ctx        context.Context
	progressed func()
}

// Read implements io.Reader. The end of the context shows as an error of the network: it is
// replaced by errStalled.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.progressed()
	}
	if err != nil && errors.Is(context.Cause(w.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}
