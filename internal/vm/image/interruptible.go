// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"io"
)

// Interruptible returns a reader of r that ends with a context: its error is that of ctx then. A
// read that has begun is not interrupted.
func Interruptible(ctx context.Context, r io.Reader) io.Reader { return &interruptible{ctx, r} }

type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
