// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// version of the protocol.
const version = 3

// extensions of OpenSSH (PROTOCOL, section 4) that this server has, with their versions.
const (
	extRename   = "posix-rename@openssh.com"
	extStatvfs  = "statvfs@openssh.com"
	extHardlink = "hardlink@openssh.com"
	extFsync    = "fsync@openssh.com"
	extLsetstat = "lsetstat@openssh.com"
	extLimits   = "limits@openssh.com"
)

// Config says how a directory is served.
type Config struct {
	// ReadOnly refuses every change.
	ReadOnly bool
	// UID and GID are the owner of what a client makes: the user who runs the server. Files of other
	// owners keep their numbers.
	UID, GID ID
}

// server is a session with one client.
type server struct {
	Config
	root    *os.Root
	out     *bufio.Writer
	handles handles
	answer  encoder
}

// Serve answers the requests of one client for the directory dir, until in ends. It returns nil
// then; an error when dir cannot be opened, when the client does not speak the protocol, or when
// out cannot be written to.
func Serve(dir string, c Config, in io.Reader, out io.Writer) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the shared directory: %w", err)
	}
	s := &server{Config: c, root: root, out: bufio.NewWriterSize(out, maxPacket)}
	defer func() { s.handles.closeAll() }()
	return closing(root, s.serve(bufio.NewReaderSize(in, maxPacket)))
}

// serve answers requests in their order, as those for one file must be (section 6 of the draft).
func (s *server) serve(in *bufio.Reader) error {
	var buffer []byte
	for {
		var err error
		if buffer, err = readPacket(in, buffer); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		d := &decoder{rest: buffer}
		kind := d.byte()
		s.answer.id = d.uint32() // or the version that the client has
		if d.err != nil {
			return d.err
		}
		if err := s.handle(kind, d); err != nil {
			s.answer.status(err)
		}
		if _, err := s.out.Write(s.answer.packet()); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
		if in.Buffered() > 0 {
			continue
		}
		if err := s.out.Flush(); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

// handle makes the answer to a request, or returns the error that is the answer.
func (s *server) handle(kind byte, d *decoder) error {
	if kind == typeInit {
		s.greet()
		return nil
	}
	s.answer.buffer = s.answer.buffer[:0]
	if err := s.dispatch(kind, d); err != nil {
		return err
	}
	if len(s.answer.buffer) == 0 {
		s.answer.status(nil)
	}
	return nil
}

// greet answers the client's version.
func (s *server) greet() {
	e := &s.answer
	e.begin(typeVersion)
	e.uint32(version)
	for _, extension := range [][2]string{
		{extRename, "1"}, {extStatvfs, "2"}, {extHardlink, "1"}, {extFsync, "1"}, {extLsetstat, "1"}, {extLimits, "1"},
	} {
		if extension[0] == extStatvfs && !hasStatvfs {
			continue
		}
		e.text(extension[0])
		e.text(extension[1])
	}
}

// dispatch calls what answers a type of request.
func (s *server) dispatch(kind byte, d *decoder) error {
	if changes(kind) && s.ReadOnly {
		return errReadOnly
	}
	switch kind {
	case typeOpen:
		return s.open(d)
	case typeClose:
		return s.close(d)
	case typeRead:
		return s.read(d)
	case typeWrite:
		return s.write(d)
	case typeFstat:
		return s.fstat(d)
	case typeFsetstat:
		return s.fsetstat(d)
	case typeOpendir:
		return s.opendir(d)
	case typeReaddir:
		return s.readdir(d)
	case typeExtended:
		return s.extended(d)
	default:
		return s.dispatchName(kind, d)
	}
}

// changes reports whether a type of request changes something in any case.
func changes(kind byte) bool {
	switch kind {
	case typeWrite, typeSetstat, typeFsetstat, typeRemove, typeMkdir, typeRmdir, typeRename, typeSymlink:
		return true
	default:
		return false
	}
}

// closing closes c after work whose error was err, and joins both errors.
func closing(c io.Closer, err error) error { return errors.Join(err, c.Close()) }
