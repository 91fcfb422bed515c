// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/flock"
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

// LogFile is the daemon's log, its standard error.
func LogFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.log") }

// StdoutFile is the daemon's standard output.
func StdoutFile(inst instance.Instance) string { return filepath.Join(inst.LogDir, "rdd.stdout.log") }

// State says what the daemon is doing.
type State int

const (
	// Stopped: no daemon has the lock.
	Stopped State = iota
	// Changing: a daemon has the lock and is starting or stopping.
	Changing
	// Running: the daemon is ready; its Record is true.
	Running
)

// Find looks for the daemon of an instance. The Record is valid when the State is Running.
func Find(inst instance.Instance) (State, Record, error) {
	held, err := flock.Held(inst.LockFile())
	if err != nil || !held {
		return Stopped, Record{}, err
	}
	data, err := os.ReadFile(RecordFile(inst))
	if errors.Is(err, fs.ErrNotExist) {
		return Changing, Record{}, nil
	}
	if err != nil {
		return Stopped, Record{}, fmt.Errorf("reading the daemon's record: %w", err)
	}
	var record Record
	if err := json.Unmarshal(data, &record); err != nil {
		return Stopped, Record{}, fmt.Errorf("reading the daemon's record %s, which the daemon writes anew within seconds: %w", RecordFile(inst), err)
	}
	if !record.Process.Alive() {
		return Changing, Record{}, nil // left by a daemon that was killed; the present one has not removed it yet
	}
	return Running, record, nil
}

// Exists reports whether the instance was created.
func Exists(inst instance.Instance) (bool, error) {
	_, err := os.Stat(inst.ArgsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
