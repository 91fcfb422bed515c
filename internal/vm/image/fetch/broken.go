// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"net/url"
	"time"

	"rancherdesktop.io/rdd/internal/vm/image"
)

// brokenError is the end of an attempt after which another one may get further.
type brokenError struct {
	// have of want bytes have arrived; want is -1 when it is not known.
	have, want int64
	// answered says that the server had begun to send.
	answered bool
	// after is how long the server asks to wait.
	after time.Duration
	err   error
}

func (e *brokenError) Error() string { return e.err.Error() }

// final returns the error for the caller when no attempt is left.
func (e *brokenError) final(location string) error {
	if e.have == 0 && !e.answered {
		return &image.UnavailableError{Location: location, Reason: reason(e.err), Temporary: true, Err: e.err}
	}
	return &image.InterruptedError{Location: location, Have: e.have, Want: e.want, Err: e.err}
}

// reason returns the text of a network error without the method and URL that net/http puts in
// front.
func reason(err error) string {
	var inner *url.Error
	for errors.As(err, &inner) {
		err = inner.Err
	}
	return err.Error()
}
