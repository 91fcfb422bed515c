// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

// Undo undoes the named settings of an instance that does not exist, as after its directories were
// removed by hand. It goes by what is on the host, and reports whether there was something to undo.
// A blank configuration of docker's and empty directories that rdd may have made go, too. Problems
// are returned as errors.
func (h *Host) Undo(ctx context.Context, names ...string) (found bool, err error) {
	if found, err := h.hasTraces(); err != nil || !found {
		return false, err
	}
	made := missing(filepath.Dir(h.Lock))
	err = h.locked(ctx, func(tx *transaction) error {
		tx.unrecorded = missingDir(filepath.Dir(h.Record))
		tx.adopt()
		tx.noteDirs(contextDirs(tx.environment().ConfigDir, h.Name))
		if err := tx.run(tx.undoing(names)...); err != nil {
			return err
		}
		tx.dropDirs()
		return errors.Join(tx.save(), tx.problem())
	})
	return true, errors.Join(err, h.dropLock(made))
}

// hasTraces reports whether there is something on the host that Undo would look at.
func (h *Host) hasTraces() (bool, error) {
	r, err := readRecord(h.Record)
	if err != nil {
		return false, err
	}
	tx := &transaction{host: h, record: r}
	tx.adopt()
	return !tx.isEmpty() || h.linked() == linkOurs, nil
}

// undoing are the steps that undo the named settings for somebody who asks for that. A
// configuration that cannot be read is a problem then, also where we have done nothing there.
func (tx *transaction) undoing(names []string) []step {
	steps := map[string][]step{
		Context: {tx.undoCurrent, tx.readable, tx.undoContext}, Current: {tx.takeBack, tx.readable}, Socket: {tx.unlink},
	}
	var undo []step
	for _, name := range names {
		undo = append(undo, steps[name]...)
	}
	return undo
}

// dropLock removes the lock with the directories that were made for it. They stay when others have
// put something into them.
func (h *Host) dropLock(made []string) error {
	if len(made) == 0 {
		return nil
	}
	err := atomicfile.Remove(h.Lock)
	for _, dir := range made {
		_ = atomicfile.Remove(dir) // fails when it is not empty: then it is in use and stays
	}
	return err
}

// adopt fills a lost record with what is on the host and can only be ours.
func (tx *transaction) adopt() {
	dir := tx.environment().ConfigDir
	file := contextFile(dir, tx.host.Name)
	if data, err := regular.ReadFile(file); tx.Context == nil && err == nil && tx.host.describes(data) {
		tx.record.Context = &madeContext{File: file, Hashes: []string{hash(data)}}
	}
	if tx.Current == nil && filepath.IsAbs(dir) {
		tx.Current = tx.adoptCurrent(configFile(dir))
	}
}

// describes reports whether a context has our name and description, whatever its socket.
func (h *Host) describes(data []byte) bool {
	var meta contextMeta
	return json.Unmarshal(data, &meta) == nil && meta.Name == h.Name && meta.Metadata.Description == contextDescription
}

// adoptCurrent finds out from the copy of the original what was current before ours. Without a copy
// there was no file. It returns nil when neither the configuration nor a copy shows that it was
// changed.
func (tx *transaction) adoptCurrent(file string) *switched {
	c, err := readConfig(file)
	if err != nil || c.made {
		return nil
	}
	if ours, err := tx.isOurs(c); err != nil || !ours {
		return nil
	}
	original, err := regular.ReadFile(file + backupSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return &switched{File: file, Made: true}
	}
	if err != nil {
		return nil
	}
	s := &switched{File: file}
	if len(bytes.TrimSpace(original)) == 0 {
		text := string(original)
		s.Blank = &text
	}
	if before, err := parse(original); err == nil {
		existed := before.name != "" && before.name != defaultContext
		s.Previous = []previous{{Raw: before.raw(), Name: before.name, Existed: existed}}
	}
	return s
}

// contextDirs are the directories of a context and those above it in docker's configuration.
func contextDirs(configDir, name string) []string {
	var dirs []string
	for dir := filepath.Dir(contextFile(configDir, name)); isAbove(configDir, dir); dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}
