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
)

// record is what an instance did to the host, and what it was told to do and to leave.
type record struct {
	// Environment is the daemon's, which decides where docker looks.
	Environment *Environment `json:"environment,omitempty"`
	// Off are the names that were turned off, On those that were asked for.
	Off []string `json:"off,omitempty"`
	On  []string `json:"on,omitempty"`

	Context *madeContext `json:"context,omitempty"`
	Current *switched    `json:"currentContext,omitempty"`
	// Socket is the link that was made, or found to lead to our socket when it was asked for.
	Socket string `json:"socket,omitempty"`
	// Dirs are the directories that were made, deepest first.
	Dirs []string `json:"dirs,omitempty"`

	Judged   judgement `json:"judged,omitzero"`
	Problems []Problem `json:"problems,omitempty"`
}

// madeContext is a context in docker's store.
type madeContext struct {
	File string `json:"file"`
	// Hashes are those of all that we may have written there.
	Hashes []string `json:"hashes"`
}

// switched is a current context that was changed to ours.
type switched struct {
	// File is docker's config.json.
	File string `json:"file"`
	// Previous is what was there before, and before that where it was another instance's context.
	Previous []previous `json:"previous"`
	// Made says that there was no file, Blank what it held when it held white space only.
	Made  bool    `json:"made,omitempty"`
	Blank *string `json:"blank,omitempty"`
}

// previous is a value of currentContext.
type previous struct {
	// Raw is the value as it was written; empty when there was none.
	Raw  string `json:"raw"`
	Name string `json:"name"`
	// Existed says that there was such a context.
	Existed bool `json:"existed"`
}

// judgement is what was found when the engine had become ready: whether docker uses an engine that
// works.
type judgement struct {
	// Ready is when the engine became ready.
	Ready string `json:"ready"`
	// Name of the context that was current then, and why it was left.
	Name string `json:"name,omitempty"`
	Kept reason `json:"kept,omitempty"`
}

// reason is why the current context was left alone.
type reason string

const (
	keptWorking     reason = "Works"
	keptEnvironment reason = "Environment"
)

// isEmpty reports whether nothing was done and nothing said.
func (r record) isEmpty() bool {
	return r.Context == nil && r.Current == nil && r.Socket == "" && len(r.Dirs)+len(r.Off)+len(r.On)+len(r.Problems) == 0
}

// uses reports whether something of docker's configuration is ours.
func (r record) usesDocker() bool { return r.Context != nil || r.Current != nil }

func (r record) off(name string) bool { return slices.Contains(r.Off, name) }

func readRecord(path string) (record, error) {
	data, err := os.ReadFile(path)
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

// save writes the record unless it is on disk like that.
func (s *session) save() error {
	if s.isEmpty() {
		if err := s.host.files.Remove(s.host.Record); err != nil {
			return fmt.Errorf("removing the record of what rdd changed on the host: %w", err)
		}
		return nil
	}
	data, err := json.MarshalIndent(s.record, "", "  ")
	if err != nil {
		return err
	}
	if present, err := os.ReadFile(s.host.Record); err == nil && bytes.Equal(present, data) {
		return nil
	}
	if err := s.host.files.Write(s.host.Record, data, 0o600); err != nil {
		return fmt.Errorf("recording what rdd changes on the host: %w", err)
	}
	return nil
}

// instancePrefix begins the names of instances' directories, and of their docker contexts.
const instancePrefix = "rancher-desktop-"

// others are the records of the user's other instances, by the names of their contexts; those that
// cannot be read are left out: their owners will say so.
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
