// SPDX-License-Identifier: Apache-2.0

package client

import (
	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
)

// State says whether the daemon of an instance runs.
type State int

const (
	// Stopped means that no daemon has the lock.
	Stopped State = iota
	// Changing means that a daemon has the lock, and is starting or stopping.
	Changing
	// Running means that the daemon is ready.
	Running
)

// Find observes the daemon of an instance. The record is valid only when the State is Running.
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
		// A record whose process has exited was left by a daemon that was killed. The daemon that has
		// the lock has not removed it yet.
		return Changing, presence.Record{}, nil
	}
	return Running, record, nil
}
