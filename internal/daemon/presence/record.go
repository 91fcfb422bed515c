// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/regular"
	"rancherdesktop.io/rdd/internal/version"
)

// Record describes a daemon that is ready.
type Record struct {
	// Process identifies the daemon's process.
	Process process.Identity `json:"process"`
	// Namespace is the PID namespace in which Process is valid; empty where there are none, and in the
	// record of an older daemon.
	Namespace string `json:"namespace,omitempty"`
	// Build is the daemon's build.
	Build version.Build `json:"build"`
	// Port is the API's port on 127.0.0.1.
	Port int `json:"port"`
	// SecurePort is the port that it was asked to listen on; 0 is the instance's default one.
	SecurePort int `json:"securePort,omitempty"`
	// Controllers are the names of those that it runs; nil in the record of an older daemon.
	Controllers []string `json:"controllers"`
	// Started is when the daemon began to start.
	Started time.Time `json:"started"`
}

// MovedFrom returns the instance's default port when the daemon listens on another one because that
// was in use; 0 otherwise.
func (r Record) MovedFrom(inst instance.Instance) int {
	if r.SecurePort != 0 || r.Port == inst.Port() {
		return 0
	}
	return inst.Port()
}

// RecordFile returns the path of the record of an instance's daemon.
func RecordFile(inst instance.Instance) string { return filepath.Join(inst.Dir, "daemon.json") }

// ReadRecord reads the record of an instance's daemon. exists is false when there is none. A record
// may be of a daemon that was killed: see client.Find.
func ReadRecord(inst instance.Instance) (record Record, exists bool, err error) {
	data, err := regular.ReadFile(RecordFile(inst))
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, fmt.Errorf("reading the daemon's record: %w", err)
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return Record{}, false, fmt.Errorf("reading the daemon's record %s, which the daemon writes anew within seconds: %w",
			RecordFile(inst), err)
	}
	return record, true, nil
}
