// SPDX-License-Identifier: Apache-2.0

package hostagent

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"rancherdesktop.io/rdd/internal/bounded"
	"rancherdesktop.io/rdd/internal/process"
	"rancherdesktop.io/rdd/internal/sshx"
	"rancherdesktop.io/rdd/internal/vm/qemu/share"
)

//go:embed mount.sh
var mountScript string

const (
	// mountLine is what mountScript writes when the directory is mounted.
	mountLine = "rdd: mounted"
	// mountTimeout bounds how long one mount takes.
	mountTimeout = 5 * time.Minute
	// maxMountLines are kept of what sshfs says.
	maxMountLines = 20
	// serverEnd is how long a server may take to end when its clients have gone.
	serverEnd = 5 * time.Second
)

// stream is what connects a server with the guest: requests are written, answers read.
type stream struct{ requests, answers *os.File }

func (s stream) close() { _, _ = s.requests.Close(), s.answers.Close() }

// mountServer is the process that serves the mounts. It is not this one: it sees rdd's own
// directories covered, as QEMU does.
type mountServer struct {
	agent   *agent
	id      process.Identity
	streams []stream
	ended   <-chan error
	views   bool
	stderr  *os.File
	said    *bounded.Buffer
	copied  chan struct{} // closed when said has all
}

// startServer starts a server for the mounts.
func (a *agent) startServer(set share.Set, owners share.Owners) (_ *mountServer, err error) {
	s := &mountServer{agent: a, said: &bounded.Buffer{Limit: 4 << 10}, copied: make(chan struct{})}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			s.closeStreams()
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	for range set {
		requests, toServer := pipe()
		fromServer, answers := pipe()
		if err != nil {
			return nil, fmt.Errorf("connecting a server of mounts: %w", err)
		}
		theirs = append(theirs, requests, answers)
		s.streams = append(s.streams, stream{requests: toServer, answers: fromServer})
	}
	stderr, toStderr := pipe()
	if err != nil {
		return nil, fmt.Errorf("connecting a server of mounts: %w", err)
	}
	s.stderr = stderr
	command, err := set.ServerCommand(ownExecutable, a.Dir.Name(), owners)
	if err != nil {
		return nil, errors.Join(err, toStderr.Close())
	}
	command.Dir, command.Files, command.Stderr = string(a.Dir), theirs, toStderr
	s.views = command.PrivateMounts
	s.id, s.ended, err = a.startShared(command)
	if err = errors.Join(err, toStderr.Close()); err != nil {
		return nil, fmt.Errorf("starting a server of mounts: %w", err)
	}
	go func() {
		defer close(s.copied)
		_, _ = io.Copy(s.said, stderr)
	}()
	return s, nil
}

// startShared starts a process that serves directories of the host, without the right to the
// user's own files where the host does not grant that.
func (a *agent) startShared(command process.Command) (process.Identity, <-chan error, error) {
	id, ended, err := process.StartDetached(command)
	if command.OwnFiles && !command.PrivateMounts && process.NamespaceRefused(err) {
		a.Log.Warn("the guest cannot change files in mounts whose modes forbid it, also where it has them open", "error", err)
		command.OwnFiles = false
		id, ended, err = process.StartDetached(command)
	}
	if command.PrivateMounts {
		err = share.Explain(err)
	}
	return id, ended, err
}

func (s *mountServer) closeStreams() {
	for _, stream := range s.streams {
		stream.close()
	}
	if s.stderr != nil {
		_ = s.stderr.Close()
	}
}

// close ends the server, which ends by itself when nobody is connected.
func (s *mountServer) close() {
	for _, stream := range s.streams {
		stream.close()
	}
	timer := time.NewTimer(serverEnd)
	defer timer.Stop()
	select {
	case <-s.copied: // its standard error has ended, and so has it
	case <-timer.C:
		s.agent.Log.Warn("the server of the mounts does not end, and is killed", "pid", s.id.PID)
		if err := s.id.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, process.ErrGone) {
			s.agent.Log.Error("killing the server of the mounts", "error", err)
		}
	}
	_ = s.stderr.Close()
}

// explain adds what a server has said that has ended by itself.
func (s *mountServer) explain(err error) error {
	select {
	case <-s.copied:
	default:
		return err
	}
	if said := strings.TrimSpace(s.said.String()); said != "" {
		err = fmt.Errorf("%w; the server says: %s", err, said)
	}
	return err
}

// mountSessions are the ssh sessions in which sshfs runs in the guest, over a connection of their
// own. No keep-alive requests are sent on it: mounts outlive the pauses of a guest.
type mountSessions struct {
	client *ssh.Client
	user   string // of the guest
	all    sync.WaitGroup
	ended  chan error // gets why a mount has ended
}

// connectMounts logs in to the guest for the mounts.
func (a *agent) connectMounts(ctx context.Context) (*mountSessions, error) {
	ctx, cancel := context.WithTimeout(ctx, mountTimeout)
	defer cancel()
	client, err := a.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errConnection, err)
	}
	return &mountSessions{client: client, user: a.record.Machine.User.Name, ended: make(chan error, 1)}, nil
}

// disconnect makes all sessions end. One that waits for a server that does not read goes on until
// its stream is closed.
func (s *mountSessions) disconnect() { _ = s.client.Close() }

// open mounts a directory, and returns when it is mounted or cannot be. When that session ends
// later, ended gets why. The session ends with ctx.
func (s *mountSessions) open(ctx context.Context, shared share.Share, stream stream) error {
	running, cancel := context.WithCancel(ctx)
	mounted, failed := make(chan struct{}), make(chan error, 1)
	s.all.Go(func() {
		defer cancel()
		err := s.run(running, shared, stream, sync.OnceFunc(func() { close(mounted) }))
		failed <- err
		select {
		case s.ended <- err:
		default: // another one has ended before
		}
	})
	timer := time.NewTimer(mountTimeout)
	defer timer.Stop()
	select {
	case <-mounted:
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		cancel()
		return fmt.Errorf("%s is not mounted on %s within %s", shared.Field, shared.MountPoint, mountTimeout)
	}
}

// run mounts a directory and returns why the mount has ended.
func (s *mountSessions) run(ctx context.Context, shared share.Share, stream stream, mounted func()) error {
	access := "ro"
	if shared.Writable {
		access = "rw"
	}
	var said []string
	lines := &bounded.Lines{Limit: maxOutput, Take: func(line string) {
		switch {
		case line == mountLine:
			mounted()
		case len(said) < maxMountLines:
			said = append(said, line)
		}
	}}
	arguments := sshx.Quote("sh", "-c", mountScript, "rdd", shared.Tag, access, shared.MountPoint, s.user)
	code, err := sshx.Run(ctx, s.client, sshx.Command{
		Line: sshx.Clean("exec sudo -n " + arguments), Stdin: stream.answers, Stdout: stream.requests, Stderr: lines,
	})
	if err != nil {
		err = fmt.Errorf("%w: %w", errConnection, err)
	} else {
		err = fmt.Errorf("sshfs has ended with exit code %d: %s", code, strings.Join(said, "; "))
	}
	return fmt.Errorf("%s, mounted on %s: %w", shared.Field, shared.MountPoint, err)
}
