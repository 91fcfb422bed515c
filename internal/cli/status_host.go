// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/hostconfig"
	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/vm/qemu/vmdir"
)

// hostProblems are the things on the host that something is in the way of.
func hostProblems(s *session.Session, inst instance.Instance) []hostconfig.Thing {
	things, err := s.HostChanges(inst)
	if err != nil {
		return []hostconfig.Thing{{Name: "integration", Problem: err.Error()}}
	}
	return slices.DeleteFunc(things, func(t hostconfig.Thing) bool { return t.Problem == "" })
}

// unclaimedReport is an instance directory that belongs to no LimaVM.
type unclaimedReport struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	// Owner is the LimaVM it was made for; empty when rdd did not make it.
	Owner string `json:"owner,omitempty"`
	// Damaged: rdd made it, and for whom cannot be read any more.
	Damaged bool `json:"damaged,omitempty"`
}

func (u unclaimedReport) text() string {
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

// unclaimed lists the instance directories below limaHome whose owner is none of machines.
func unclaimed(limaHome string, machines []limav1.LimaVM) ([]unclaimedReport, error) {
	names, err := vmdir.Home(limaHome).Instances()
	if err != nil {
		return nil, err
	}
	claimed := map[string]bool{}
	for _, machine := range machines {
		claimed[string(machine.UID)] = true
	}
	var found []unclaimedReport
	for _, name := range names {
		dir := vmdir.In(limaHome, name)
		record, err := dir.ReadRecord()
		if errors.Is(err, fs.ErrNotExist) || (err == nil && claimed[record.Owner.UID]) {
			continue // gone since, or somebody's
		}
		report := unclaimedReport{Name: name, Dir: string(dir), Damaged: err != nil && !errors.Is(err, vmdir.ErrForeign)}
		if err == nil {
			report.Owner = record.Owner.Namespace + "/" + record.Owner.Name
		}
		found = append(found, report)
	}
	return found, nil
}
