// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
	"rancherdesktop.io/rdd/internal/cli/session"
	"rancherdesktop.io/rdd/internal/vm"
)

// Unclaimed is an instance directory that belongs to no LimaVM.
type Unclaimed struct {
	Name string `json:"name"`
	// Dir is its path.
	Dir string `json:"dir"`
	// Owner is the LimaVM that it was made for, as NAMESPACE/NAME; empty when rdd did not make it.
	Owner string `json:"owner,omitempty"`
	// Damaged says that rdd made it, and that its owner cannot be read any more.
	Damaged bool `json:"damaged,omitempty"`
	// alive says that its machine, or what serves it, lives.
	alive bool
}

// Text says on one line what the directory is, with the commands to take it back or remove it.
func (u Unclaimed) Text() string {
	switch {
	case u.Damaged && u.alive:
		return fmt.Sprintf("%s: whose it was cannot be read any more, and its machine runs: leave it as it is while that does", u.Dir)
	case u.Damaged:
		return fmt.Sprintf("%s: whose it was cannot be read any more; to remove it with its disk: rm -r '%s'", u.Dir, u.Dir)
	case u.Owner == "":
		return u.Dir + ": rdd did not make it and leaves it alone"
	default:
		return fmt.Sprintf("%s: made for LimaVM %s, which does not exist any more; to take it back: rdd limavm adopt %s; to remove it with its "+
			"disk: rdd limavm delete %s --unclaimed",
			u.Dir, u.Owner, u.Name, u.Name)
	}
}

// ListUnclaimed lists the instance directories whose owner is none of machines. The error wraps
// errors.ErrUnsupported when the engine cannot list directories. A caller that deletes files must
// not take that for an empty list.
func ListUnclaimed(ctx context.Context, s *session.Session, machines []limav1.LimaVM) ([]Unclaimed, error) {
	reader, err := session.Ability[vm.DirectoryReader](s, "read instance directories")
	if err != nil {
		return nil, err
	}
	directories, err := reader.Directories(ctx)
	if err != nil {
		return nil, err
	}
	claimed := map[string]bool{}
	for _, machine := range machines {
		claimed[string(machine.UID)] = true
	}
	var found []Unclaimed
	for _, d := range directories {
		if known := !d.Foreign && d.Damage == nil; known && claimed[d.Owner.UID] {
			continue
		}
		found = append(found, describeUnclaimed(d))
	}
	return found, nil
}

func describeUnclaimed(d vm.Directory) Unclaimed {
	u := Unclaimed{Name: d.Name, Dir: d.Path, Damaged: d.Damage != nil, alive: d.Alive}
	if !d.Foreign && d.Damage == nil {
		u.Owner = d.Owner.Namespace + "/" + d.Owner.Name
	}
	return u
}
