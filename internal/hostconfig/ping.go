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

	"rancherdesktop.io/rdd/internal/regular"
)

// pingTimeout bounds a ping of Docker, which is slow in an emulated guest.
const pingTimeout = 5 * time.Second

// defaultPort of an endpoint without TLS.
const defaultPort = "2375"

// endpoint is what a context points to.
type endpoint struct {
	url string
	// tls says that docker's store has keys for it.
	tls bool
}

// contextWorks reports whether a Docker engine answers where a context points to.
func (h *Host) contextWorks(ctx context.Context, configDir, name string) bool {
	if name == defaultContext {
		// On Windows it is a named pipe.
		return runtime.GOOS == "windows" || h.works(ctx, endpoint{url: "unix://" + h.Link})
	}
	data, err := regular.ReadFile(contextFile(configDir, name))
	var meta contextMeta
	if err != nil || json.Unmarshal(data, &meta) != nil {
		return false // docker cannot use it either
	}
	_, err = os.Stat(tlsDir(configDir, name))
	return h.works(ctx, endpoint{url: meta.Endpoints[dockerEndpoint].Host, tls: err == nil})
}

// works pings an endpoint. One that needs keys or a login to another host counts as working without
// a ping: somebody has chosen it on purpose.
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

// withPort adds docker's default port to an address that has none.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
}

// Answers reports whether a Docker engine answers a ping at an address, within 5 seconds. network
// is "unix" or "tcp".
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
