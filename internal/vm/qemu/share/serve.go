// SPDX-License-Identifier: Apache-2.0

package share

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/sftp"
)

// ServeCommand is the hidden command of rdd by which ServerCommand starts a server.
// internal/instance finds running servers by it.
const ServeCommand = "serve-mounts"

// firstDescriptor is the first one that a server has for a client.
const firstDescriptor = 3

// Owners are the user and the group who run a server, and those to whom their files belong in the
// guest.
type Owners struct{ UID, GID sftp.ID }

// OwnersFor maps this process's user and group to the guest's.
func OwnersFor(guestUID, guestGID int) Owners {
	return Owners{UID: sftp.ID{Host: os.Geteuid(), Guest: guestUID}, GID: sftp.ID{Host: os.Getegid(), Guest: guestGID}}
}

// served is what a server serves.
type served struct {
	Owners Owners      `json:"owners"`
	Dirs   []servedDir `json:"dirs"`
}

type servedDir struct {
	Path     string `json:"path"`
	Writable bool   `json:"writable,omitempty"`
	// View says that the directory is a view, whose path no guest can change.
	View bool `json:"view,omitempty"`
}

// ServerCommand returns the command that serves the directories by SFTP, with the views. Of the
// n-th share requests are read from descriptor 3+2n, and the answers go to the next one: see
// process.Command.Files. The server ends with its clients. guest is the machine's name.
func (s Set) ServerCommand(executable, guest string, owners Owners) (process.Command, error) {
	what := served{Owners: owners}
	for _, share := range s {
		what.Dirs = append(what.Dirs, servedDir{Path: share.Export, Writable: share.Writable, View: len(share.mounts) > 0})
	}
	data, err := json.Marshal(what)
	if err != nil {
		return process.Command{}, fmt.Errorf("describing what is to be served: %w", err)
	}
	return s.Command(executable, process.Command{Path: executable, Args: []string{ServeCommand, "guest=" + guest, string(data)}})
}

// Serve is what a server does. args are those after ServeCommand.
func Serve(args []string) error {
	var what served
	if err := json.Unmarshal([]byte(args[1]), &what); err != nil {
		return fmt.Errorf("reading what is to be served: %w", err)
	}
	clearUmask() // the guest's programs have theirs
	var sessions sync.WaitGroup
	errs := make([]error, len(what.Dirs))
	for i, dir := range what.Dirs {
		in := os.NewFile(uintptr(firstDescriptor+2*i), "requests")
		out := os.NewFile(uintptr(firstDescriptor+2*i+1), "answers")
		sessions.Go(func() {
			err := dir.serve(what.Owners, in, out)
			if errs[i] = errors.Join(err, in.Close(), out.Close()); errs[i] != nil {
				errs[i] = fmt.Errorf("serving %s: %w", dir.Path, errs[i])
			}
		})
	}
	sessions.Wait()
	return errors.Join(errs...)
}

// serve answers the requests of one client. The path had no symbolic links when it was found: one
// that a guest has put there since is not followed.
func (d servedDir) serve(owners Owners, in io.Reader, out io.Writer) error {
	path := d.Path
	if !d.View {
		f, err := openResolved(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was opened for its name only
		path = descriptorPath(f)
	}
	return sftp.Serve(path, sftp.Config{ReadOnly: !d.Writable, UID: owners.UID, GID: owners.GID}, in, out)
}
