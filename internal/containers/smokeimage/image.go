// SPDX-License-Identifier: Apache-2.0

// Package smokeimage makes the image of the smoke test of container engines: one tiny static
// program that writes a line and exits. The image is assembled when it is needed, equal each time,
// so that nothing is pulled and nothing binary is kept among the sources.
//
// It is an archive as `docker save` wrote it before there were OCI layouts, the one form that every
// Docker and every containerd loads.
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
	// Name is what the image is called in an engine. The tag is raised when the image changes: a
	// changed image of the same name would leave the old one behind without a name.
	Name = "rancherdesktop.io/proof:1"
	// Path of the program in the image.
	Path = "/proof"
	// Message is what the program writes.
	Message = "rdd: this container engine works\n"
)

// Image is the image for an architecture.
type Image struct {
	// Archive is the tar file.
	Archive []byte
	// Layer is the digest of its one layer, by which an engine's image is recognised.
	Layer string
}

// config is what the image says of itself: see the OCI image specification, config.md.
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

// manifest is the entry of manifest.json.
type manifest struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Make returns the image for an architecture as Go names it.
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

// archive makes a tar file in which nothing depends on when and where it is made.
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
