// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// stateSuffix of the file that says what a download is a part of.
const stateSuffix = ".json"

func (d *download) stateFile() string { return d.path + stateSuffix }

// version is the version of which a download is a part.
type version struct {
	image.Version
	// Wrong is the digest of a file that was not the one wanted.
	Wrong string `json:"wrong,omitempty"`
}

// validator is what If-Range takes; empty: parts of the file cannot be told from parts of another
// one. A weak ETag does not do (RFC 9110, 13.1.5).
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}

// resume returns how much of the file is there and of which version it is; 0 when it cannot be
// continued.
func (d *download) resume(f *os.File) (int64, version, error) {
	var old version
	data, err := os.ReadFile(d.stateFile())
	if errors.Is(err, os.ErrNotExist) || err == nil && json.Unmarshal(data, &old) != nil {
		return 0, version{}, nil // a crash before anything was received
	}
	if err != nil {
		return 0, version{}, fmt.Errorf("reading how far the download is: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, version{}, fmt.Errorf("reading how far the download is: %w", err)
	}
	if old.Location != image.Redacted(d.Location) {
		return 0, version{}, nil
	}
	if old.validator() == "" || old.Wrong != "" {
		return 0, old, nil
	}
	return info.Size(), old, nil
}

// remember writes down which version the file is of.
func (d *download) remember(v version) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing down what is downloaded: %w", err)
	}
	if err := atomicfile.Write(d.stateFile(), data, 0o600); err != nil {
		if isFull(err) {
			return d.full(v.Size)
		}
		return fmt.Errorf("writing down what is downloaded: %w", err)
	}
	return nil
}

// forget drops what is there.
func (d *download) forget() error {
	return errors.Join(atomicfile.Remove(d.stateFile()), atomicfile.Remove(d.path))
}
