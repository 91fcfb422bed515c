// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// link is whose what is at the link's place is.
type link int

const (
	linkNone link = iota
	linkOurs
	linkForeign
)

// linked finds out what is at the link's place.
func (h *Host) linked() link {
	if _, err := os.Lstat(h.Link); errors.Is(err, fs.ErrNotExist) {
		return linkNone
	}
	if target, err := os.Readlink(h.Link); err == nil && target == h.Socket {
		return linkOurs
	}
	return linkForeign
}

// socket makes the link if it was asked for.
func (s *session) socket() error {
	if !slices.Contains(s.On, Socket) {
		return s.undoSocket()
	}
	switch s.host.linked() {
	case linkForeign:
		s.record.Socket = ""
		return s.foreignSocket()
	case linkNone:
		s.record.Socket = s.host.Link
		if err := s.save(); err != nil {
			return err
		}
		if err := s.host.files.Link(s.host.Socket, s.host.Link); err != nil {
			return s.cannotLink(err, "make", fmt.Sprintf("sudo ln -s '%s' %s", s.host.Socket, s.host.Link))
		}
	}
	s.record.Socket = s.host.Link
	return nil
}

func (s *session) foreignSocket() error {
	return &Problem{Socket, fmt.Sprintf("%s is there and is not rdd's; it was left alone", s.host.Link),
		fmt.Sprintf("if nothing needs it: sudo rm %s, then: rdd integration on %s", s.host.Link, Socket)}
}

func (s *session) cannotLink(err error, verb, command string) error {
	if errors.Is(err, fs.ErrPermission) {
		return &Problem{Socket, fmt.Sprintf("you may not %s %s", verb, s.host.Link), "to do it: " + command}
	}
	return s.failed(Socket, err)
}

// undoSocket removes our link.
func (s *session) undoSocket() error {
	if s.record.Socket == "" {
		return nil
	}
	return s.unlink()
}

// unlink removes a link that leads to our socket, whoever made it.
func (s *session) unlink() error {
	if s.host.linked() == linkOurs {
		if err := s.host.files.Remove(s.host.Link); err != nil {
			return s.cannotLink(err, "remove", "sudo rm "+s.host.Link)
		}
	}
	s.record.Socket = ""
	return nil
}
