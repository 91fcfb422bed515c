// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"rancherdesktop.io/rdd/internal/instance"
	"rancherdesktop.io/rdd/internal/regular"
)

// contextDescription is what `docker context ls` shows.
const contextDescription = "Docker in the VM of Rancher Desktop; made and removed by rdd"

// contextFile is the file in which docker's store keeps a context.
func contextFile(configDir, name string) string {
	return filepath.Join(configDir, "contexts", "meta", hash([]byte(name)), "meta.json")
}

// tlsDir is the directory in which docker's store keeps the keys of a context's Docker endpoint.
func tlsDir(configDir, name string) string {
	return filepath.Join(configDir, "contexts", "tls", hash([]byte(name)), "docker")
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// contextMeta is the content of a context's file, in the order in which docker writes it.
type contextMeta struct {
	Name      string
	Metadata  contextMetadata
	Endpoints map[string]contextEndpoint
}

type contextMetadata struct {
	Description string `json:",omitempty"`
}

type contextEndpoint struct {
	Host          string
	SkipTLSVerify bool
}

// dockerEndpoint is the key of Endpoints that docker itself uses.
const dockerEndpoint = "docker"

// contextContent is our context as docker would write it.
func (h *Host) contextContent() ([]byte, error) {
	return json.Marshal(contextMeta{
		Name:      h.Name,
		Metadata:  contextMetadata{Description: contextDescription},
		Endpoints: map[string]contextEndpoint{dockerEndpoint: {Host: h.socketURL()}},
	})
}

func (h *Host) socketURL() string { return "unix://" + h.Socket }

// claim says who made a context of our name.
type claim int

const (
	// claimNone: there is none.
	claimNone claim = iota
	// claimOurs: it is what we would write now. claimOld: it is what we wrote before.
	claimOurs
	claimOld
	// claimEdited: we made it, others have changed it since, and it still points to our socket.
	claimEdited
	// claimForeign: somebody else made it, or pointed it to another socket.
	claimForeign
)

// claim finds out who made the context in a file; made is our record of it, nil when there is none.
func (h *Host) claim(file string, made *madeContext) (claim, error) {
	data, err := regular.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return claimNone, nil
	}
	if err != nil {
		return claimForeign, &Problem{Context, fmt.Sprintf(
			"docker's context %s cannot be read: %v", h.Name, err,
		), fmt.Sprintf("move it away: mv '%[1]s' '%[1]s.damaged'", filepath.Dir(file))}
	}
	content, err := h.contextContent()
	switch {
	case err != nil:
		return claimForeign, err
	case string(data) == string(content):
		return claimOurs, nil
	case made == nil || made.File != file:
		return claimForeign, nil
	case slices.Contains(made.Hashes, hash(data)):
		return claimOld, nil
	}
	var meta contextMeta
	if err := json.Unmarshal(data, &meta); err == nil && meta.Endpoints[dockerEndpoint].Host == h.socketURL() {
		return claimEdited, nil
	}
	return claimForeign, nil
}

func (tx *transaction) contextFile() (string, error) {
	dir := tx.environment().ConfigDir
	if !filepath.IsAbs(dir) {
		return "", &Problem{Context, fmt.Sprintf("DOCKER_CONFIG is %q, which is a different directory for each program", dir),
			"set it to an absolute path and run: rdd service stop; rdd service start"}
	}
	if err := instance.CheckOwner(dir); err != nil {
		return "", &Problem{Context, fmt.Sprintf("docker's configuration is not changed: %v", err),
			"set DOCKER_CONFIG to a directory of your own"}
	}
	return contextFile(dir, tx.host.Name), nil
}

// context creates our context, and writes it again where it has drifted.
func (tx *transaction) context() error {
	if tx.off(Context) {
		return tx.run(tx.undoCurrent, tx.undoContext)
	}
	file, err := tx.contextFile()
	if err != nil {
		return err
	}
	if tx.isEmpty() { // lost: one with a problem knows that the context is not ours
		tx.adopt()
	}
	found, err := tx.host.claim(file, tx.Context)
	switch {
	case err != nil:
		return err
	case found == claimOurs && tx.Context != nil:
		return nil
	case found == claimForeign:
		tx.Context = nil
		return tx.foreignContext()
	}
	return tx.writeContext(file)
}

func (tx *transaction) foreignContext() error {
	name := tx.host.Name
	return &Problem{Context, fmt.Sprintf(
		"there is a docker context %s that rdd did not make, or that was made to lead elsewhere since; it was left alone", name,
	),
		fmt.Sprintf("to let rdd make its own: docker context rm %s; to use none: rdd integration off %s", name, Context)}
}

// writeContext creates our context, or replaces the one that is there. The hash of the new content
// is in the record before it is written, so that a killed process's context is known to be ours.
func (tx *transaction) writeContext(file string) error {
	content, err := tx.host.contextContent()
	if err != nil {
		return err
	}
	if tx.Context == nil {
		tx.record.Context = &madeContext{File: file}
	}
	if !slices.Contains(tx.Context.Hashes, hash(content)) {
		tx.Context.Hashes = append(tx.Context.Hashes, hash(content))
	}
	if err := tx.prepare(Context, filepath.Dir(file)); err != nil {
		return err
	}
	if err := tx.put(Context, file, content, 0o644); err != nil {
		return tx.failed(Context, err)
	}
	tx.Context.Hashes = []string{hash(content)}
	return nil
}

// undoContext removes our context. One that others have pointed to another socket is theirs and
// stays.
func (tx *transaction) undoContext() error {
	file := contextFile(tx.environment().ConfigDir, tx.host.Name)
	if tx.Context != nil {
		file = tx.Context.File
	}
	found, err := tx.host.claim(file, tx.Context)
	if err != nil && tx.Context == nil {
		return nil // there is something, and it is not ours
	}
	if err != nil {
		return err
	}
	if found != claimForeign && (tx.Context != nil || found == claimOurs) {
		if err := tx.removeContext(file); err != nil {
			return err
		}
	}
	tx.record.Context = nil
	return nil
}

// removeContext removes a context, and its directory unless others have put something into it.
func (tx *transaction) removeContext(file string) error {
	if _, err := os.Stat(filepath.Dir(file)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := tx.host.files.Remove(file); err != nil {
		return tx.failed(Context, err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err == nil && len(entries) == 0 {
		err = tx.host.files.Remove(filepath.Dir(file))
	}
	if err != nil {
		return tx.failed(Context, err)
	}
	return nil
}
