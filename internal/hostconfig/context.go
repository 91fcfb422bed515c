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
)

// contextDescription is what `docker context ls` shows.
const contextDescription = "Docker in the VM of Rancher Desktop; made and removed by rdd"

// contextFile is where docker's store has a context.
func contextFile(configDir, name string) string {
	return filepath.Join(configDir, "contexts", "meta", hash([]byte(name)), "meta.json")
}

// tlsDir is where docker's store has the keys of a context's Docker endpoint.
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

// claim is whose a context of our name is.
type claim int

const (
	// claimNone: there is none.
	claimNone claim = iota
	// claimOurs: it is what we would write; claimOld: what we wrote some time.
	claimOurs
	claimOld
	// claimEdited: we made it, others have changed it since, and it still leads to our socket.
	claimEdited
	// claimForeign: somebody else made it, or made it lead elsewhere.
	claimForeign
)

// claim finds out whose the context in a file is.
func (h *Host) claim(file string, made *madeContext) (claim, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return claimNone, nil
	}
	if err != nil {
		return claimForeign, &Problem{Context, fmt.Sprintf(
			"docker's context %s cannot be read: %v", h.Name, err,
		), "remove what is there: rm -r " + filepath.Dir(file)}
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

func (s *session) contextFile() (string, error) {
	dir := s.environment().ConfigDir
	if !filepath.IsAbs(dir) {
		return "", &Problem{Context, fmt.Sprintf("DOCKER_CONFIG is %q, which is a different directory for each program", dir),
			"set it to an absolute path and run: rdd service stop; rdd service start"}
	}
	return contextFile(dir, s.host.Name), nil
}

// context makes our context, or what it has become, what it should be.
func (s *session) context() error {
	if s.off(Context) {
		return s.run(s.undoCurrent, s.undoContext)
	}
	file, err := s.contextFile()
	if err != nil {
		return err
	}
	found, err := s.host.claim(file, s.Context)
	switch {
	case err != nil:
		return err
	case found == claimOurs && s.Context != nil:
		return nil
	case found == claimForeign:
		s.Context = nil
		return s.foreignContext()
	}
	return s.writeContext(file)
}

func (s *session) foreignContext() error {
	name := s.host.Name
	return &Problem{Context, fmt.Sprintf(
		"there is a docker context %s that rdd did not make, or that was made to lead elsewhere since; it was left alone", name,
	),
		fmt.Sprintf("to let rdd make its own: docker context rm %s; to use none: rdd integration off %s", name, Context)}
}

// writeContext makes our context; one that is there already is replaced.
func (s *session) writeContext(file string) error {
	content, err := s.host.contextContent()
	if err != nil {
		return err
	}
	if s.Context == nil {
		s.record.Context = &madeContext{File: file}
	}
	if !slices.Contains(s.Context.Hashes, hash(content)) {
		s.Context.Hashes = append(s.Context.Hashes, hash(content))
	}
	if err := s.prepare(Context, filepath.Dir(file)); err != nil {
		return err
	}
	if err := s.host.files.Write(file, content, 0o644); err != nil {
		return s.failed(Context, err)
	}
	s.Context.Hashes = []string{hash(content)}
	return nil
}

// prepare records what is about to be done and makes the directory that it is done in.
func (s *session) prepare(name, dir string) error {
	s.noteDirs(s.dirsFor(dir))
	if err := s.save(); err != nil {
		return err
	}
	if err := s.makeDirs(dir); err != nil {
		return s.failed(name, err)
	}
	return nil
}

// failed is the problem that the host could not be changed.
func (s *session) failed(name string, err error) error {
	return &Problem{name, cause(err), "see to that; it is tried again by itself"}
}

// cause says what is wrong with which directory. The name of a temporary file is another one each
// time, and would make the same problem a new one.
func cause(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Sprintf("%s could not be changed: %v", filepath.Dir(path.Path), path.Err)
	case errors.As(err, &link):
		return fmt.Sprintf("%s could not be changed: %v", filepath.Dir(link.New), link.Err)
	default:
		return err.Error()
	}
}

// undoContext removes our context. What others made of it is theirs.
func (s *session) undoContext() error {
	file := contextFile(s.environment().ConfigDir, s.host.Name)
	if s.Context != nil {
		file = s.Context.File
	}
	found, err := s.host.claim(file, s.Context)
	if err != nil && s.Context == nil {
		return nil // there is something, and it is not ours
	}
	if err != nil {
		return err
	}
	if found != claimForeign && (s.Context != nil || found == claimOurs) {
		if err := s.removeContext(file); err != nil {
			return err
		}
	}
	s.record.Context = nil
	return nil
}

// removeContext removes a context with its directory, in which others may have put something.
func (s *session) removeContext(file string) error {
	if _, err := os.Stat(filepath.Dir(file)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := s.host.files.Remove(file); err != nil {
		return s.failed(Context, err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err == nil && len(entries) == 0 {
		err = s.host.files.Remove(filepath.Dir(file))
	}
	if err != nil {
		return s.failed(Context, err)
	}
	return nil
}
