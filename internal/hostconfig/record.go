// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/regular"
)

// record is what an instance did to the host, and which settings the user turned on and off. It is
// stored as JSON, whose keys stay.
type record struct {
	// Environment is the daemon's, which decides which configuration of docker's is changed.
	Environment *Environment `json:"environment,omitempty"`
	// Off are the names that were turned off, On those that were asked for.
	Off []string `json:"off,omitempty"`
	On  []string `json:"on,omitempty"`

	Context *madeContext `json:"context,omitempty"`
	Current *switched    `json:"currentContext,omitempty"`
	// Socket is the link that was made, or that already pointed to our socket when it was asked for.
	Socket string `json:"socket,omitempty"`
	// Dirs are the directories that were made, deepest first.
	Dirs []string `json:"dirs,omitempty"`

	// Writing is what was being written in place when the record was written.
	Writing *unfinished `json:"writing,omitempty"`

	Decision decision  `json:"judged,omitzero"`
	Problems []Problem `json:"problems,omitempty"`
}

// madeContext is a context in docker's store.
type madeContext struct {
	File string `json:"file"`
	// Hashes of all contents that we may have written to the file.
	Hashes []string `json:"hashes"`
}

// switched is a current context that was changed to ours.
type switched struct {
	// File is docker's config.json.
	File string `json:"file"`
	// Previous is the value before ours. Where that was another instance's, those before it follow.
	Previous []previous `json:"previous"`
	// Made says that the file did not exist. Blank is its content where that was white space only.
	Made  bool    `json:"made,omitempty"`
	Blank *string `json:"blank,omitempty"`
}

// previous is a value of currentContext.
type previous struct {
	// Raw is the value as JSON text; empty when there was none. Name is the context that it names.
	Raw  string `json:"raw"`
	Name string `json:"name"`
	// Existed says that docker's store had a context of that name.
	Existed bool `json:"existed"`
}

// decision is what became of docker's current context when the container engine became ready.
type decision struct {
	// Ready is the Want.Ready for which it was made.
	Ready string `json:"ready"`
	// Name of the context that was current then, and why it was left alone.
	Name string `json:"name,omitempty"`
	Kept reason `json:"kept,omitempty"`
}

// reason is why the current context was left alone.
type reason string

const (
	keptWorking     reason = "Works"
	keptEnvironment reason = "Environment"
)

// isEmpty reports whether there is nothing to undo and nothing to remember.
func (r record) isEmpty() bool {
	return r.Context == nil && r.Current == nil && r.Writing == nil && r.Socket == "" && len(r.Dirs)+len(r.Off)+len(r.On)+len(r.Problems) == 0
}

// usesDocker reports whether docker's configuration holds something of ours.
func (r record) usesDocker() bool { return r.Context != nil || r.Current != nil }

func (r record) off(name string) bool { return slices.Contains(r.Off, name) }

func readRecord(path string) (record, error) {
	data, err := regular.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	var r record
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err != nil {
		return record{}, fmt.Errorf("reading what rdd changed on the host from %s; to have it found out anew, remove that file: %w", path, err)
	}
	return r, nil
}

// save writes the record unless the file has that content already. An empty record is removed.
func (tx *transaction) save() error {
	if tx.unrecorded {
		return nil
	}
	if tx.isEmpty() {
		if err := tx.host.files.Remove(tx.host.Record); err != nil {
			return fmt.Errorf("removing the record of what rdd changed on the host: %w", err)
		}
		return nil
	}
	data, err := json.MarshalIndent(tx.record, "", "  ")
	if err != nil {
		return err
	}
	if present, err := regular.ReadFile(tx.host.Record); err == nil && bytes.Equal(present, data) {
		return nil
	}
	if err := tx.host.files.Write(tx.host.Record, data, 0o600); err != nil {
		return fmt.Errorf("recording what rdd changes on the host: %w", err)
	}
	return nil
}

// instancePrefix begins the names of instances' directories, and of their docker contexts.
const instancePrefix = "rancher-desktop-"

// others returns the records of the user's other instances by the names of their contexts. One that
// cannot be read is left out: the instance that owns it reports that.
func (h *Host) others() map[string]record {
	found := map[string]record{}
	parent := filepath.Dir(filepath.Dir(h.Record))
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		path := filepath.Join(parent, entry.Name(), filepath.Base(h.Record))
		if !strings.HasPrefix(entry.Name(), instancePrefix) || path == h.Record {
			continue
		}
		if r, err := readRecord(path); err == nil {
			found[entry.Name()] = r
		}
	}
	return found
}
