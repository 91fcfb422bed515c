// SPDX-License-Identifier: Apache-2.0

package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/rest"

	"rancherdesktop.io/rdd/internal/daemon/presence"
)

// TestStoreHealth: an answer, a daemon that knows no such question, and others.
func TestStoreHealth(t *testing.T) {
	for name, c := range map[string]struct {
		code   int
		body   string
		full   bool
		failed bool
	}{
		"full":    {code: http.StatusOK, body: `{"short": true, "free": 1}`, full: true},
		"older":   {code: http.StatusNotFound, body: "404 page not found"},
		"refused": {code: http.StatusForbidden, failed: true},
		"garbage": {code: http.StatusOK, body: "no JSON", failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != presence.StoreHealthPath || r.Header.Get("Authorization") != "Bearer secret" {
					t.Errorf("asked for %s with %v", r.URL, r.Header)
				}
				w.WriteHeader(c.code)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			health, err := storeHealth(t.Context(), &rest.Config{Host: server.URL, BearerToken: "secret"})
			if (err != nil) != c.failed || (health != nil && health.Full()) != c.full {
				t.Errorf("got %+v, %v", health, err)
			}
		})
	}
}
