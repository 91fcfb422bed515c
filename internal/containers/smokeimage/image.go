// SPDX-License-Identifier: Apache-2.0

// Package smokeimage builds the container image of the smoke test. The image has one small static
// program, which writes a line and exits. It is assembled in memory when it is needed, so nothing
// is pulled and the sources hold no binary. Each build has the same bytes.
//
// The image is an archive in the format of `docker save` from before OCI layouts, the one format
// that every version of Docker and containerd can load.
package smokeimage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// Name is the image's name and tag. The tag is raised when the image changes: loading a changed
	// image under the same name would leave the old one dangling.
	Name = "rancherdesktop.io/proof:1"
	// Path is the program's path in the image.
	Path = "/proof"
	// Message is the program's output.
	Message = "rdd: this container engine works\n"
)

// Image is the image for one architecture.
type Image struct {
	// Archive is the tar archive that an engine loads.
	Archive []byte
	// Layer is the digest of its only layer. It identifies the image in an engine.
	Layer string
}

// config is the image configuration: see config.md of the OCI image specification.
type config struct {
	Architecture string    `json:"architecture"`
	OS           string    `json:"os"`
	Created      time.Time `json:"created"`
	Config       struct {
		Entrypoint []string
		WorkingDir string
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []history `json:"history"`
}

type history struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

// manifest is an entry of the archive's manifest.json.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Make returns the image for an architecture, as GOARCH names it. It fails for one that Program
// does not support.
func Make(arch string) (Image, error) {
	program, err := Program(arch, Message)
	if err != nil {
		return Image{}, err
	}
	layer, err := archive(file{name: Path[1:], mode: 0o755, data: program})
	if err != nil {
		return Image{}, err
	}
	layerDigest := digest(layer)
	settings, err := json.Marshal(describe(arch, layerDigest))
	if err != nil {
		return Image{}, fmt.Errorf("describing the image: %w", err)
	}
	names := manifest{Config: digest(settings) + ".json", RepoTags: []string{Name}, Layers: []string{layerDigest + "/layer.tar"}}
	list, err := json.Marshal([]manifest{names})
	if err != nil {
		return Image{}, fmt.Errorf("describing the image: %w", err)
	}
	all, err := archive(
		file{name: names.Config, mode: 0o644, data: settings},
		file{name: names.Layers[0], mode: 0o644, data: layer},
		file{name: "manifest.json", mode: 0o644, data: list},
	)
	return Image{Archive: all, Layer: "sha256:" + layerDigest}, err
}

func describe(arch, layer string) config {
	epoch := time.Unix(0, 0).UTC()
	c := config{Architecture: arch, OS: "linux", Created: epoch, History: []history{{Created: epoch, CreatedBy: "rdd"}}}
	c.Config.Entrypoint, c.Config.WorkingDir = []string{Path}, "/"
	c.RootFS.Type, c.RootFS.DiffIDs = "layers", []string{"sha256:" + layer}
	return c
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type file struct {
	name string
	mode int64
	data []byte
}

// archive returns a tar archive that does not depend on the time or the host, so that the image has
// the same digest everywhere.
func archive(files ...file) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.name, err)
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing the image: %w", err)
	}
	return b.Bytes(), nil
}
