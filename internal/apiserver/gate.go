// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"net/http"
	"slices"
	"sync"
)

// gate holds requests back until the server is ready: a client that connects a little
// too early waits instead of meeting a server without resources or admission.
// The server's own requests, without which it would never become ready, and the health paths pass.
type gate struct {
	opened chan struct{}
	own    sync.Map // bearer tokens of the server itself
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

func (g *gate) open() { close(g.opened) }

// admit lets the holder of token pass from now on.
func (g *gate) admit(token string) { g.own.Store(token, true) }

func (g *gate) passes(r *http.Request) bool {
	_, own := g.own.Load(bearerToken(r))
	return own || slices.Contains(openPaths, r.URL.Path)
}

func (g *gate) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.passes(r) {
			select {
			case <-g.opened:
			case <-r.Context().Done():
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// check is the readyz check that fails until the gate is open.
func (g *gate) check(*http.Request) error {
	select {
	case <-g.opened:
		return nil
	default:
		return errNotReady
	}
}
