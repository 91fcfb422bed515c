// SPDX-License-Identifier: Apache-2.0

package client

import (
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// State says what the daemon is doing.
type State int

const (
	// Stopped: no daemon has the lock.
	Stopped State = iota
	// Changing: a daemon has the lock and is starting or stopping.
	Changing
	// Running: the daemon is ready; its record is true.
	Running
)

// Find looks for the daemon of an instance. The record is valid when the State is Running.
func Find(inst instance.Instance) (State, presence.Record, error) {
	locked, err := presence.Locked(inst)
	if err != nil || !locked {
		return Stopped, presence.Record{}, err
	}
	record, exists, err := presence.ReadRecord(inst)
	if err != nil {
		return Stopped, presence.Record{}, err
	}
	if !exists || !record.Process.Alive() {
		// A record without its process was left by a daemon that was killed; the present one has
		// not removed it yet.
		return Changing, presence.Record{}, nil
	}
	return Running, record, nil
}
