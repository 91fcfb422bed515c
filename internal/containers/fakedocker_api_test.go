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
	"net/http"
	"strings"

	"rancherdesktop.io/rdd/internal/containers/smokeimage"
)

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
	stopped := d.stopped
	d.mu.Unlock()
	select {
	case <-stream:
	case <-stopped:
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
	if wanted.Image != smokeimage.Name || d.layer == "" {
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

// find returns the container that the request means, by id or name; nil after saying that there is
// none.
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
	if name := r.PathValue("domain") + "/" + r.PathValue("name"); name != smokeimage.Name || d.layer == "" {
		refuse(w, http.StatusNotFound, "No such image: "+name)
		return
	}
	answer(w, map[string]any{"Id": "sha256:1", "RootFS": map[string]any{"Type": "layers", "Layers": []string{d.layer}}})
}

func (d *fakeDocker) removeImage(w http.ResponseWriter, _ *http.Request) {
	d.set(func() { d.layer = "" })
	answer(w, []map[string]string{{"Untagged": smokeimage.Name}})
}

func (d *fakeDocker) load(w http.ResponseWriter, r *http.Request) {
	layer, err := layerOf(r.Body)
	if err != nil {
		answer(w, map[string]any{"errorDetail": map[string]string{"message": err.Error()}, "error": err.Error()})
		return
	}
	d.set(func() { d.layer = layer })
	answer(w, map[string]string{"stream": "Loaded image: " + smokeimage.Name + "\n"})
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
