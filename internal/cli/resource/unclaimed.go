// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"fmt"
	"path/filepath"

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
	// SetAside says that it was moved out of the way, because it was too damaged to be deleted.
	SetAside bool `json:"setAside,omitempty"`
	// alive says that its machine, or what serves it, lives.
	alive bool
}

// Text says on one line what the directory is, with the commands to take it back or remove it.
func (u Unclaimed) Text() string { return u.TextFor("") }

// TextFor is Text with what has to stand before the commands.
func (u Unclaimed) TextFor(before string) string {
	switch {
	case u.Damaged && u.alive:
		return fmt.Sprintf("%s: whose it was cannot be read any more, and its machine runs: leave it as it is while that does", u.Dir)
	case u.Damaged:
		return fmt.Sprintf("%s: whose it was cannot be read any more; to free its name and keep its disk: mv '%s' '%s'", u.Dir, u.Dir, u.away())
	case u.SetAside:
		return fmt.Sprintf("%s: was too damaged to be deleted, and is kept with its disk, %s; nothing uses it any more", u.Dir,
			filepath.Join(u.Dir, "disk"))
	case u.Owner == "":
		return u.Dir + ": rdd did not make it and leaves it alone"
	default:
		return fmt.Sprintf("%s: made for LimaVM %s, which does not exist any more; to take it back: %srdd limavm adopt %s; to remove it "+
			"with its disk: %srdd limavm delete %s --unclaimed",
			u.Dir, u.Owner, before, u.Name, before, u.Name)
	}
}

// away is a path at which the directory is no instance any more: a name with an underscore is none.
func (u Unclaimed) away() string { return filepath.Join(filepath.Dir(u.Dir), "_"+u.Name+"-damaged") }

// ListUnclaimed lists the instance directories whose owner is none of machines. One whose owner
// cannot be read is that of the machine of its name, if that had an instance. The error wraps
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
	claimed, had := map[string]bool{}, map[string]bool{}
	for i := range machines {
		claimed[string(machines[i].UID)] = true
		had[machines[i].Name] = machines[i].Status.HadInstance()
	}
	var found []Unclaimed
	for _, d := range directories {
		known := !d.Foreign && d.Damage == nil && !d.SetAside
		if (known && claimed[d.Owner.UID]) || (d.Damage != nil && had[d.Name]) {
			continue
		}
		found = append(found, describeUnclaimed(d))
	}
	return found, nil
}

func describeUnclaimed(d vm.Directory) Unclaimed {
	u := Unclaimed{Name: d.Name, Dir: d.Path, Damaged: d.Damage != nil, SetAside: d.SetAside, alive: d.Alive}
	if !d.Foreign && d.Damage == nil && !d.SetAside {
		u.Owner = d.Owner.Namespace + "/" + d.Owner.Name
	}
	return u
}
