// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
)

// fakeDocker speaks as much of Docker's API as a smoke test needs, on a Unix socket.
type fakeDocker struct {
	t      *testing.T
	socket string
	server *httptest.Server

	mu         sync.Mutex
	apiVersion string
	layer      string // of the image called smokeimage.Name; empty: there is none
	containers map[string]*fakeContainer
	// fail by "METHOD /path/of/pattern": the message of a failure.
	fail map[string]string
	// hang by pattern: the answer never comes.
	hang map[string]bool
	// replace by pattern: a handler in place of the good one.
	replace map[string]http.HandlerFunc
	// calls by pattern.
	calls map[string]int
	// exit and output of the next containers.
	exit   int
	output string
	// streams are ended by closing them.
	streams map[chan struct{}]bool
	stopped chan struct{}
}

type fakeContainer struct {
	id, name string
	labels   map[string]string
	host     map[string]any
	ended    chan struct{}
}

func startDocker(t *testing.T) *fakeDocker {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdd") // short: it is a socket's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &fakeDocker{
		t: t, socket: filepath.Join(dir, "docker.sock"), apiVersion: "1.45", output: smokeimage.Message,
		containers: map[string]*fakeContainer{}, fail: map[string]string{}, hang: map[string]bool{}, calls: map[string]int{},
	}
	d.start()
	t.Cleanup(d.stop)
	return d
}

// start makes the engine answer.
func (d *fakeDocker) start() {
	os.Remove(d.socket)
	listener, err := net.Listen("unix", d.socket)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	d.stopped, d.streams = make(chan struct{}), map[chan struct{}]bool{}
	d.mu.Unlock()
	d.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: d.routes()}}
	d.server.Start()
}

// stop ends it as a kill does.
func (d *fakeDocker) stop() {
	if d.server == nil {
		return
	}
	close(d.stopped)
	d.server.CloseClientConnections()
	d.server.Close()
	d.server = nil
}

// cut ends the event streams and nothing else.
func (d *fakeDocker) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for stream := range d.streams {
		close(stream)
		delete(d.streams, stream)
	}
}

// set changes the fake while it is in use.
func (d *fakeDocker) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *fakeDocker) count(pattern string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[pattern]
}

func (d *fakeDocker) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for _, c := range d.containers {
		names = append(names, c.name)
	}
	return names
}

func (d *fakeDocker) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]http.HandlerFunc{
		"/_ping": d.ping, "GET /version": d.version, "GET /events": d.events,
		"GET /containers/json": d.list, "POST /containers/create": d.create, "POST /containers/{id}/start": d.startOne,
		"POST /containers/{id}/wait": d.wait, "GET /containers/{id}/logs": d.logs, "DELETE /containers/{id}": d.remove,
		"GET /images/{domain}/{name}/json": d.inspect, "POST /images/load": d.load, "DELETE /images/{domain}/{name}": d.removeImage,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !d.prevented(pattern, w, r) {
				handle(w, r)
			}
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if version, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); ok && strings.HasPrefix(version, "v1.") {
			if version != "v"+d.apiVersion {
				d.t.Errorf("got %s in version %s of the API; the engine speaks %s", r.URL.Path, version, d.apiVersion)
			}
			r.URL.Path = "/" + rest
		}
		mux.ServeHTTP(w, r)
	})
}

// prevented answers in place of a handler where the test has set a failure or a hang.
func (d *fakeDocker) prevented(pattern string, w http.ResponseWriter, r *http.Request) bool {
	d.mu.Lock()
	d.calls[pattern]++
	message, hang, stopped, replace := d.fail[pattern], d.hang[pattern], d.stopped, d.replace[pattern]
	d.mu.Unlock()
	if replace != nil {
		replace(w, r)
		return true
	}
	if hang {
		select {
		case <-r.Context().Done():
		case <-stopped:
		}
		return true
	}
	if message != "" {
		refuse(w, http.StatusInternalServerError, message)
	}
	return message != ""
}
