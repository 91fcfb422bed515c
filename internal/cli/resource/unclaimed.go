// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"errors"
	"fmt"
	"io/fs"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/flock"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// MachineRuns reports whether the directory's machine, or what serves it, runs.
func MachineRuns(dir vmdir.Dir) (bool, error) {
	machine, err := flock.Held(dir.QEMULock())
	if err != nil || machine {
		return machine, err
	}
	return flock.Held(dir.HostagentLock())
}

// Unclaimed is an instance directory that belongs to no LimaVM.
type Unclaimed struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	// Owner is the LimaVM it was made for; empty when rdd did not make it.
	Owner string `json:"owner,omitempty"`
	// Damaged: rdd made it, and for whom cannot be read any more.
	Damaged bool `json:"damaged,omitempty"`
}

// Text says on one line what the directory is and what can be done with it.
func (u Unclaimed) Text() string {
	switch {
	case u.Damaged:
		return fmt.Sprintf("%s: whose it was cannot be read any more; to remove it with its disk: rm -r '%s'", u.Dir, u.Dir)
	case u.Owner == "":
		return u.Dir + ": rdd did not make it and leaves it alone"
	default:
		return fmt.Sprintf("%s: made for LimaVM %s, which does not exist any more; to take it back: rdd limavm adopt %s; to remove it with its disk: rdd limavm delete %s --unclaimed",
			u.Dir, u.Owner, u.Name, u.Name)
	}
}

// ListUnclaimed lists the instance directories below limaHome whose owner is none of machines.
func ListUnclaimed(limaHome string, machines []limav1.LimaVM) ([]Unclaimed, error) {
	names, err := vmdir.Home(limaHome).Instances()
	if err != nil {
		return nil, err
	}
	claimed := map[string]bool{}
	for _, machine := range machines {
		claimed[string(machine.UID)] = true
	}
	var found []Unclaimed
	for _, name := range names {
		dir := vmdir.In(limaHome, name)
		record, err := dir.ReadRecord()
		if errors.Is(err, fs.ErrNotExist) || (err == nil && claimed[record.Owner.UID]) {
			continue // gone since, or somebody's
		}
		report := Unclaimed{Name: name, Dir: string(dir), Damaged: err != nil && !errors.Is(err, vmdir.ErrForeign)}
		if err == nil {
			report.Owner = record.Owner.Namespace + "/" + record.Owner.Name
		}
		found = append(found, report)
	}
	return found, nil
}
