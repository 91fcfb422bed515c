// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"time"
)

// pingTimeout bounds the question to Docker, which is slow in an emulated guest.
const pingTimeout = 5 * time.Second

// endpoint is where a context leads.
type endpoint struct {
	url string
	// tls says that there are keys for it.
	tls bool
}

// contextWorks reports whether a Docker engine answers where a context leads.
func (h *Host) contextWorks(ctx context.Context, configDir, name string) bool {
	if name == defaultContext {
		// On Windows it is a named pipe.
		return runtime.GOOS == "windows" || h.works(ctx, endpoint{url: "unix://" + h.Link})
	}
	data, err := os.ReadFile(contextFile(configDir, name))
	var meta contextMeta
	if err != nil || json.Unmarshal(data, &meta) != nil {
		return false // docker cannot use it either
	}
	_, err = os.Stat(tlsDir(configDir, name))
	return h.works(ctx, endpoint{url: meta.Endpoints[dockerEndpoint].Host, tls: err == nil})
}

// works tries an endpoint, unless that takes keys or a shell elsewhere: such a one counts as working, for it was
// somebody's will.
func works(ctx context.Context, e endpoint) bool {
	u, err := url.Parse(e.url)
	switch {
	case err != nil:
		return false
	case u.Scheme == "unix":
		return Answers(ctx, "unix", u.Path)
	case u.Scheme == "tcp" && !e.tls:
		return Answers(ctx, "tcp", u.Host)
	default:
		return e.url != ""
	}
}

// Answers reports whether Docker answers on an address.
func Answers(ctx context.Context, network, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}
