// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"fmt"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/vm"
)

// Renaming is a change of a directory's name, with which its owner changes. It is in the record
// before the directory is renamed, so the one call of rename(2) changes both: the new owner counts
// as soon as the directory has the new name.
type Renaming struct {
	// From is the UID of the former owner.
	From string `json:"from"`
	// Name that the directory gets, and Owner that it belongs to then.
	Name  string   `json:"name"`
	Owner vm.Owner `json:"owner"`
}

// ownerIn returns the owner of the directory d with this record. A renaming that was never carried
// out, and one that is recorded as done, change nothing.
func (r Record) ownerIn(d Dir) vm.Owner {
	if next := r.Renaming; next != nil && next.Name == d.Name() && next.From == r.Owner.UID {
		return next.Owner
	}
	return r.Owner
}

// WasRenamed reports whether the directory d with this record has been renamed from one that
// belonged to the LimaVM with the UID from.
func (r Record) WasRenamed(d Dir, from string) bool {
	return r.Renaming != nil && r.Renaming.Name == d.Name() && r.Renaming.From == from
}

// OwnerRecorded reports whether the record of a directory that was renamed has its new owner in its
// proper place, where an older rdd looks for it as well.
func (d Dir) OwnerRecorded() bool {
	record, err := parseRecord(d.RecordFile())
	return err == nil && record.Owner == record.ownerIn(d)
}

// Rename gives the directory of an instance another name, and another owner with it, by one call of
// rename(2). record is the directory's. fs.ErrExist: there is something of that name. No process
// may use the directory. Afterwards the owner should be recorded: see OwnerRecorded.
func (h Home) Rename(name string, record Record, newName string, owner vm.Owner) error {
	d := In(string(h), name)
	record.Renaming = &Renaming{From: record.Owner.UID, Name: newName, Owner: owner}
	if err := d.WriteRecord(record); err != nil {
		return fmt.Errorf("renaming instance %s: %w", name, err)
	}
	if err := atomicfile.Claim(string(d), filepath.Join(string(h), newName)); err != nil {
		return fmt.Errorf("renaming instance %s to %s: %w", name, newName, err)
	}
	return nil
}
