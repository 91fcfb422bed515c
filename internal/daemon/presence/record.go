// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/version"
)

// Record is what a running daemon says of itself.
type Record struct {
	// Process is the daemon.
	Process process.Identity `json:"process"`
	// Build is what the daemon was built from.
	Build version.Build `json:"build"`
	// Port of its API on 127.0.0.1.
	Port int `json:"port"`
	// Started is when it began, before anything of it ran.
	Started time.Time `json:"started"`
}

// RecordFile is where the daemon of an instance keeps its Record while it is ready.
func RecordFile(inst instance.Instance) string { return filepath.Join(inst.Dir, "daemon.json") }

// ReadRecord reads the record of an instance's daemon; exists is false when there is none.
func ReadRecord(inst instance.Instance) (record Record, exists bool, err error) {
	data, err := os.ReadFile(RecordFile(inst))
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
