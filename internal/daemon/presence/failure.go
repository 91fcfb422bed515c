// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/instance"
)

// Failure is why a daemon did not start, or did not go on.
type Failure struct {
	// Time is when the daemon failed.
	Time time.Time `json:"time"`
	// Lines are what the daemon said of it.
	Lines []string `json:"lines"`
}

// NewFailure describes an error that ended a daemon at a time.
func NewFailure(at time.Time, err error) Failure {
	return Failure{Time: at, Lines: strings.Split(strings.ToValidUTF8(strings.TrimSpace(err.Error()), ""), "\n")}
}

// FailureFile is where the last failure of an instance's daemon is kept until a daemon is ready.
func FailureFile(inst instance.Instance) string { return filepath.Join(inst.Dir, "failure.json") }

// Save makes f the last failure of the instance's daemon.
func (f Failure) Save(inst instance.Instance) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encoding the daemon's failure: %w", err)
	}
	return atomicfile.Write(FailureFile(inst), append(data, '\n'), 0o600)
}

// ForgetFailure removes the last failure; it is no error when there is none.
func ForgetFailure(inst instance.Instance) error { return atomicfile.Remove(FailureFile(inst)) }

// LastFailure is why the instance's daemon failed last; nil when it has been ready since.
func LastFailure(inst instance.Instance) (*Failure, error) {
	data, err := os.ReadFile(FailureFile(inst))
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
