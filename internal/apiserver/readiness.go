// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"slices"
	"sync"
)

// readiness holds requests back until the server is ready: a client that connects a little too
// early waits, and does not find a server without resources or admission. Two kinds of requests
// pass: the server's own, without which it would never become ready, and those for health.
type readiness struct {
	reached chan struct{}
	own     sync.Map // bearer tokens of the server itself
}

func newReadiness() *readiness { return &readiness{reached: make(chan struct{})} }

// reach lets all requests pass from now on.
func (r *readiness) reach() { close(r.reached) }

// exempt lets the holder of token pass from now on.
func (r *readiness) exempt(token string) { r.own.Store(token, true) }

func (r *readiness) passes(request *http.Request) bool {
	_, own := r.own.Load(bearerToken(request))
	return own || slices.Contains(openPaths, request.URL.Path)
}

func (r *readiness) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if !r.passes(request) {
			select {
			case <-r.reached:
			case <-request.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, request)
	})
}

// check is the readyz check that fails until the server is ready.
func (r *readiness) check(*http.Request) error {
	select {
	case <-r.reached:
		return nil
	default:
		return errNotReady
	}
}
