// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

// unfinished is a write in place. It is recorded before it begins, because a process that is killed
// within it leaves a file with a part of each content.
type unfinished struct {
	// Setting is what the file is written for; empty in records of older builds, for Current.
	Setting string `json:"setting,omitempty"`
	File    string `json:"file"`
	Before  []byte `json:"before"`
	After   []byte `json:"after"`
}

// put writes a file of a setting. One that exists keeps what it has beside its content: owner,
// permissions, ACL, attributes and its other names (hard links). mode is for a new one.
func (tx *transaction) put(setting, file string, data []byte, mode fs.FileMode) error {
	target, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return tx.host.files.Write(file, data, mode)
	}
	if err != nil {
		return err
	}
	if err := tx.host.files.Replace(target, data); !errors.Is(err, atomicfile.ErrInPlace) {
		return err
	}
	before, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	tx.Writing = &unfinished{Setting: setting, File: target, Before: before, After: data}
	if err := tx.save(); err != nil {
		return err
	}
	if err := tx.host.files.Overwrite(target, data); err != nil {
		return err
	}
	tx.Writing = nil
	return nil
}

// mend writes back what a file had before a write in place that was interrupted. What others have
// written since stays.
func (tx *transaction) mend() error {
	w := tx.Writing
	if w == nil {
		return nil
	}
	present, err := regular.ReadFile(w.File)
	if err == nil && w.torn(present) {
		err = tx.host.files.Overwrite(w.File, w.Before)
	}
	if ignoreNotExist(err) != nil {
		what := fmt.Sprintf("%s was written in part when rdd was killed, and could not be mended: %v", w.File, err)
		return &Problem{cmp.Or(w.Setting, Current), what, "see to that; it is tried again by itself"}
	}
	tx.Writing = nil
	return nil
}

// torn reports whether present is what an interrupted write leaves, the beginning of the new
// content and the rest of the old one, or what an interrupted write-back leaves of that: the
// beginning of the old content before it.
func (w unfinished) torn(present []byte) bool {
	if bytes.Equal(present, w.Before) || bytes.Equal(present, w.After) {
		return false
	}
	back := commonPrefix(present, w.Before)
	written := back + commonPrefix(present[back:], w.After[min(back, len(w.After)):])
	return bytes.Equal(present[written:], w.Before[min(written, len(w.Before)):])
}

// commonPrefix returns how many bytes a and b have in common at their beginnings.
func commonPrefix(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
