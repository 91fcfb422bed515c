// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"
)

// pingTimeout bounds the question to Docker, which is slow in an emulated guest.
const pingTimeout = 5 * time.Second

// defaultPort of an endpoint without TLS.
const defaultPort = "2375"

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

// works tries an endpoint, unless that takes keys or a shell elsewhere: such a one counts as
// working, for it was somebody's will.
func works(ctx context.Context, e endpoint) bool {
	scheme, address, _ := strings.Cut(e.url, "://")
	switch {
	case scheme == "unix":
		return Answers(ctx, scheme, address)
	case scheme == "tcp" && !e.tls:
		address, _, _ = strings.Cut(address, "/")
		return Answers(ctx, scheme, withPort(address))
	default:
		return address != ""
	}
}

// withPort adds the port that docker takes when none is said.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
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
