// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"

	"rancherdesktop.io/rdd/api/crds"
	"rancherdesktop.io/rdd/internal/apiserver"
	"rancherdesktop.io/rdd/internal/datastore"
	"rancherdesktop.io/rdd/test/apitest"
)

// newServer builds a server of its own, which does not run yet, with a handler at a path.
func newServer(t *testing.T, path string, handler http.HandlerFunc) *apiserver.Server {
	t.Helper()
	dir := apitest.Dir(t)
	store, err := datastore.Open(filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	definitions, definitionsErr := apiserver.LoadDefinitions(crds.Files)
	listener, listenErr := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(definitionsErr, listenErr); err != nil {
		t.Fatal(err)
	}
	access, err := apiserver.NewAccess(listener, dir)
	if err != nil {
		t.Fatal(err)
	}
	server, err := apiserver.New(apiserver.Options{
		Access: access, Dial: store.Dial, Definitions: definitions, Handlers: map[string]http.Handler{path: handler},
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// TestServerStopsAtOnce: a server that is stopped before it is ready ends, and not the process.
func TestServerStopsAtOnce(t *testing.T) {
	server := newServer(t, "/none", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Run(ctx); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestServerHandler serves a path of its own to the instance's user, and to nobody else.
func TestServerHandler(t *testing.T) {
	server := newServer(t, "/own", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "content") })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-server.Ready():
	case err := <-ended:
		ended <- nil
		t.Fatalf("it did not start: %v", err)
	}
	for token, want := range map[string]int{
		server.Config("rdd:user").BearerToken: http.StatusOK, "": http.StatusUnauthorized, "wrong": http.StatusUnauthorized,
	} {
		config := server.Config("rdd:user")
		config.BearerToken = token
		code, body := getFrom(t, config, "/own")
		if code != want || (body == "content") != (want == http.StatusOK) {
			t.Errorf("with the token %q: %d %s", token, code, body)
		}
	}
}

func getFrom(t *testing.T, config *rest.Config, path string) (code int, body string) {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}
