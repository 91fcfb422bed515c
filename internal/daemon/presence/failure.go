// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/regular"
)

// Failure says why a daemon did not start, or has stopped.
type Failure struct {
	// Time is when the daemon failed.
	Time time.Time `json:"time"`
	// Lines are the lines of the error.
	Lines []string `json:"lines"`
}

// NewFailure returns the failure of a daemon that ended with err at the given time.
func NewFailure(at time.Time, err error) Failure {
	return Failure{Time: at, Lines: strings.Split(strings.ToValidUTF8(strings.TrimSpace(err.Error()), ""), "\n")}
}

// FailureFile returns the path of the last failure of an instance's daemon.
func FailureFile(inst instance.Instance) string { return filepath.Join(inst.Dir, "failure.json") }

// Save writes f as the last failure of the instance's daemon.
func (f Failure) Save(inst instance.Instance) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encoding the daemon's failure: %w", err)
	}
	return atomicfile.Write(FailureFile(inst), append(data, '\n'), 0o600)
}

// ForgetFailure removes the last failure. It succeeds when there is none.
func ForgetFailure(inst instance.Instance) error { return atomicfile.Remove(FailureFile(inst)) }

// LastFailure returns the last failure of the instance's daemon; nil when a daemon was ready since.
func LastFailure(inst instance.Instance) (*Failure, error) {
	data, err := regular.ReadFile(FailureFile(inst))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the daemon's last failure: %w", err)
	}
	var f Failure
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("reading the daemon's last failure %s: %w", FailureFile(inst), err)
	}
	return &f, nil
}
