// SPDX-License-Identifier: Apache-2.0

package hostconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// link says what is at the path of the link.
type link int

const (
	linkNone link = iota
	linkOurs
	linkForeign
)

// linked finds out what is at the path of the link.
func (h *Host) linked() link {
	if _, err := os.Lstat(h.Link); errors.Is(err, fs.ErrNotExist) {
		return linkNone
	}
	if target, err := os.Readlink(h.Link); err == nil && target == h.Socket {
		return linkOurs
	}
	return linkForeign
}

// socket makes the link if the user has asked for it.
func (tx *transaction) socket() error {
	if !slices.Contains(tx.On, Socket) {
		return tx.undoSocket()
	}
	switch tx.host.linked() {
	case linkForeign:
		tx.record.Socket = ""
		return tx.foreignSocket()
	case linkNone:
		tx.record.Socket = tx.host.Link
		if err := tx.save(); err != nil {
			return err
		}
		if err := tx.host.files.Link(tx.host.Socket, tx.host.Link); err != nil {
			return tx.cannotLink(err, "make", fmt.Sprintf("sudo ln -s '%s' %s", tx.host.Socket, tx.host.Link))
		}
	}
	tx.record.Socket = tx.host.Link
	return nil
}

func (tx *transaction) foreignSocket() error {
	return &Problem{Socket, fmt.Sprintf("%s is there and is not rdd's; it was left alone", tx.host.Link),
		fmt.Sprintf("if nothing needs it: sudo rm %s, then: rdd integration on %s", tx.host.Link, Socket)}
}

func (tx *transaction) cannotLink(err error, verb, command string) error {
	if errors.Is(err, fs.ErrPermission) {
		return &Problem{Socket, fmt.Sprintf("you may not %s %s", verb, tx.host.Link), "to do it: " + command}
	}
	return tx.failed(Socket, err)
}

// undoSocket removes our link.
func (tx *transaction) undoSocket() error {
	if tx.record.Socket == "" {
		return nil
	}
	return tx.unlink()
}

// unlink removes a link that points to our socket, whoever made it.
func (tx *transaction) unlink() error {
	if tx.host.linked() == linkOurs {
		if err := tx.host.files.Remove(tx.host.Link); err != nil {
			return tx.cannotLink(err, "remove", "sudo rm "+tx.host.Link)
		}
	}
	tx.record.Socket = ""
	return nil
}
