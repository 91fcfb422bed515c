// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/vm"
	"rancherdesktop.io/rdd/internal/vm/image"
)

// stateSuffix of the file that holds the version of a download.
const stateSuffix = ".json"

func (d *download) stateFile() string { return d.path + stateSuffix }

// version is the version of a file that is being downloaded.
type version struct {
	image.Version
	// Wrong is the digest of a file that did not have the wanted one.
	Wrong string `json:"wrong,omitempty"`
}

// validator is the value for If-Range; empty: nothing shows whether a part is of the same file. A
// weak ETag is not enough (RFC 9110, 13.1.5).
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}

// resume returns how many bytes of the file have arrived and of which version; 0 when the download
// cannot be continued.
func (d *download) resume(f *os.File) (int64, version, error) {
	old, err := readState(d.stateFile())
	if err != nil {
		return 0, version{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, version{}, fmt.Errorf("reading how far the download is: %w", err)
	}
	if old.Location != vm.Redacted(d.Location) {
		return 0, version{}, nil
	}
	if old.validator() == "" || old.Wrong != "" {
		return 0, old, nil
	}
	return info.Size(), old, nil
}

// readState reads the version of a download. It is the zero version when there is none, or when it
// is damaged: nothing is known then of what has arrived.
func readState(path string) (version, error) {
	data, err := regular.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return version{}, nil // nothing was received yet
	}
	if errors.As(err, new(*regular.NotRegularError)) {
		return version{}, nil
	}
	if err != nil {
		return version{}, fmt.Errorf("reading how far the download is: %w", err)
	}
	var v version
	if json.Unmarshal(data, &v) != nil {
		return version{}, nil
	}
	return v, nil
}

// remember stores the version of the file.
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

// forget removes the file and its version.
func (d *download) forget() error {
	return errors.Join(atomicfile.Remove(d.stateFile()), atomicfile.Remove(d.path))
}
