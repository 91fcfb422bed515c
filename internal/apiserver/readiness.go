// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"slices"
	"sync"
)

// readiness delays requests until the server is ready. A client that connects too early waits, and
// never sees a server without resources or admission. Two kinds of requests are exempt: the
// server's own, which make it ready, and health checks.
type readiness struct {
	reached chan struct{}
	own     sync.Map // the bearer tokens of the server itself
}

func newReadiness() *readiness { return &readiness{reached: make(chan struct{})} }

// reach ends the delay of all requests. It is called once.
func (r *readiness) reach() { close(r.reached) }

// exempt exempts the requests with a bearer token.
func (r *readiness) exempt(token string) { r.own.Store(token, true) }

func (r *readiness) isExempt(request *http.Request) bool {
	_, own := r.own.Load(bearerToken(request))
	return own || slices.Contains(openPaths, request.URL.Path)
}

// wrap returns a handler that delays requests before it passes them to next.
func (r *readiness) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !r.isExempt(request) {
			select {
			case <-r.reached:
			case <-request.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, request)
	})
}

// check is the readyz check. It fails until the server is ready.
func (r *readiness) check(*http.Request) error {
	select {
	case <-r.reached:
		return nil
	default:
		return errNotReady
	}
}
