// SPDX-License-Identifier: Apache-2.0

package containers

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rancherdesktop.io/rdd/internal/containers/proofimage"
)

// fakeDocker speaks as much of Docker's API as a proof needs, on a Unix socket.
type fakeDocker struct {
	t      *testing.T
	socket string
	server *httptest.Server

	mu         sync.Mutex
	apiVersion string
	layer      string // of the image called proofimage.Name; empty: there is none
	containers map[string]*fakeContainer
	// fail by "METHOD /path/of/pattern": the message of a failure.
	fail map[string]string
	// hang by pattern: the answer never comes.
	hang map[string]bool
	// calls by pattern.
	calls map[string]int
	// exit and output of the next containers.
	exit   int
	output string
	// streams are ended by closing them.
	streams map[chan struct{}]bool
	gone    chan struct{}
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
		t: t, socket: filepath.Join(dir, "docker.sock"), apiVersion: "1.45", output: proofimage.Message,
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
	d.gone, d.streams = make(chan struct{}), map[chan struct{}]bool{}
	d.mu.Unlock()
	d.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: d.routes()}}
	d.server.Start()
}

// stop ends it as a kill does.
func (d *fakeDocker) stop() {
	if d.server == nil {
		return
	}
	close(d.gone)
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

// prevented answers in place of a handler where the test wants it.
func (d *fakeDocker) prevented(pattern string, w http.ResponseWriter, r *http.Request) bool {
	d.mu.Lock()
	d.calls[pattern]++
	message, hang, gone := d.fail[pattern], d.hang[pattern], d.gone
	d.mu.Unlock()
	if hang {
		select {
		case <-r.Context().Done():
		case <-gone:
		}
		return true
	}
	if message != "" {
		refuse(w, http.StatusInternalServerError, message)
	}
	return message != ""
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

func (d *fakeDocker) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Api-Version", d.apiVersion)
	w.Header().Set("Ostype", "linux")
}

func (d *fakeDocker) version(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]string{"Version": "26.1.5", "ApiVersion": d.apiVersion, "MinAPIVersion": "1.24"})
}

func (d *fakeDocker) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	stream := make(chan struct{})
	d.mu.Lock()
	d.streams[stream] = true
	gone := d.gone
	d.mu.Unlock()
	select {
	case <-stream:
	case <-gone:
	case <-r.Context().Done():
	}
}

func (d *fakeDocker) list(w http.ResponseWriter, r *http.Request) {
	var filters map[string]map[string]bool
	if given := r.FormValue("filters"); given != "" {
		if err := json.Unmarshal([]byte(given), &filters); err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := []map[string]any{}
	for _, c := range d.containers {
		fits := r.FormValue("all") == "1"
		for wanted := range filters["label"] {
			_, has := c.labels[wanted]
			fits = fits && has
		}
		if fits {
			found = append(found, map[string]any{"Id": c.id, "Names": []string{"/" + c.name}, "Labels": c.labels})
		}
	}
	answer(w, found)
}

func (d *fakeDocker) create(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Image      string
		Entrypoint []string
		Labels     map[string]string
		HostConfig map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if wanted.Image != proofimage.Name || d.layer == "" {
		refuse(w, http.StatusNotFound, "No such image: "+wanted.Image)
		return
	}
	c := &fakeContainer{
		id: fmt.Sprintf("%064x", d.calls["POST /containers/create"]), name: r.FormValue("name"),
		labels: wanted.Labels, host: wanted.HostConfig, ended: make(chan struct{}),
	}
	d.containers[c.id] = c
	w.WriteHeader(http.StatusCreated)
	answer(w, map[string]any{"Id": c.id, "Warnings": []string{}})
}

// find returns the container that the request means, by id or name; nil after saying that there is none.
func (d *fakeDocker) find(w http.ResponseWriter, r *http.Request) *fakeContainer {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.containers {
		if id := r.PathValue("id"); id == c.id || id == c.name {
			return c
		}
	}
	refuse(w, http.StatusNotFound, "No such container: "+r.PathValue("id"))
	return nil
}

func (d *fakeDocker) startOne(w http.ResponseWriter, r *http.Request) {
	if c := d.find(w, r); c != nil {
		close(c.ended)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (d *fakeDocker) wait(w http.ResponseWriter, r *http.Request) {
	c := d.find(w, r)
	if c == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	select {
	case <-c.ended:
		json.NewEncoder(w).Encode(map[string]int{"StatusCode": d.exit})
	case <-r.Context().Done():
	}
}

func (d *fakeDocker) logs(w http.ResponseWriter, r *http.Request) {
	if d.find(w, r) == nil {
		return
	}
	frame := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(frame[4:], uint32(len(d.output)))
	w.Write(append(frame, d.output...))
}

func (d *fakeDocker) remove(w http.ResponseWriter, r *http.Request) {
	c := d.find(w, r)
	if c == nil {
		return
	}
	if r.FormValue("force") != "1" {
		refuse(w, http.StatusConflict, "container is running")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.containers, c.id)
	w.WriteHeader(http.StatusNoContent)
}

func (d *fakeDocker) inspect(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if name := r.PathValue("domain") + "/" + r.PathValue("name"); name != proofimage.Name || d.layer == "" {
		refuse(w, http.StatusNotFound, "No such image: "+name)
		return
	}
	answer(w, map[string]any{"Id": "sha256:1", "RootFS": map[string]any{"Type": "layers", "Layers": []string{d.layer}}})
}

func (d *fakeDocker) removeImage(w http.ResponseWriter, _ *http.Request) {
	d.set(func() { d.layer = "" })
	answer(w, []map[string]string{{"Untagged": proofimage.Name}})
}

func (d *fakeDocker) load(w http.ResponseWriter, r *http.Request) {
	layer, err := layerOf(r.Body)
	if err != nil {
		answer(w, map[string]any{"errorDetail": map[string]string{"message": err.Error()}, "error": err.Error()})
		return
	}
	d.set(func() { d.layer = layer })
	answer(w, map[string]string{"stream": "Loaded image: " + proofimage.Name + "\n"})
}

// layerOf reads an image as an engine does, as far as it matters here.
func layerOf(archive io.Reader) (string, error) {
	files := map[string][]byte{}
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			return "", err
		}
		files[header.Name] = b.Bytes()
	}
	var manifests []struct{ Config string }
	if err := json.Unmarshal(files["manifest.json"], &manifests); err != nil || len(manifests) != 1 {
		return "", fmt.Errorf("manifest.json: %d entries, %w", len(manifests), err)
	}
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	err := json.Unmarshal(files[manifests[0].Config], &config)
	return strings.Join(config.RootFS.DiffIDs, ","), err
}
