// SPDX-License-Identifier: Apache-2.0

package client

import (
	"fmt"

	"k8s.io/klog/v2"

	"rancherdesktop.io/rdd/internal/daemon/presence"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/process"
)

// NamespaceError says that the daemon runs in another PID namespace than this process, so that this
// one can neither see nor stop it.
type NamespaceError struct {
	// PID is the daemon's in its own namespace.
	PID int
}

// Error implements error.
func (e *NamespaceError) Error() string {
	return fmt.Sprintf("the daemon runs in another PID namespace, in a container or a sandbox for instance, as process %d there: "+
		"use it there, or end it there with rdd service stop (to find the namespace: lsns -t pid)", e.PID)
}

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

// Find observes the daemon of an instance. The record is valid only when the State is Running. The
// error is a *NamespaceError when the daemon is ready and this process cannot see it.
func Find(inst instance.Instance) (State, presence.Record, error) {
	locked, err := presence.Locked(inst)
	if err != nil || !locked {
		return Stopped, presence.Record{}, err
	}
	record, exists, err := presence.ReadRecord(inst)
	if err != nil {
		return Stopped, presence.Record{}, err
	}
	if exists && record.Namespace != "" && record.Namespace != process.Namespace() {
		return Stopped, presence.Record{}, &NamespaceError{PID: record.Process.PID}
	}
	if !exists || !record.Process.Alive() {
		// A record whose process has exited was left by a daemon that was killed. The daemon that has
		// the lock has not removed it yet.
		return Changing, presence.Record{}, nil
	}
	klog.V(2).InfoS("Found the daemon", presence.PIDKey, record.Process.PID, "port", record.Port, "version", record.Build.Text())
	return Running, record, nil
}
