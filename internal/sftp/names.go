// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// clean makes a path below the root of a client's, which may be absolute: the shared directory is
// the client's root directory.
func clean(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name != "" {
		return name
	}
	return "."
}

// dispatchName calls what answers a request that begins with a path.
func (s *server) dispatchName(kind byte, d *decoder) error {
	given := d.text()
	if d.err != nil {
		return d.err
	}
	name := clean(given)
	switch kind {
	case typeLstat, typeStat:
		info, err := s.root.Lstat(name)
		return s.described(info, err)
	case typeSetstat:
		return s.setstat(name, d)
	case typeRemove:
		return s.remove(name, false)
	case typeRmdir:
		return s.remove(name, true)
	case typeMkdir:
		return s.mkdir(name, d)
	case typeRealpath:
		return s.oneName(path.Clean("/" + given))
	case typeReadlink:
		text, err := s.root.Readlink(name)
		if err != nil {
			return err
		}
		return s.oneName(text)
	case typeRename:
		return s.rename(name, clean(d.text()), d)
	case typeSymlink:
		return s.symlink(given, clean(d.text()), d)
	default:
		return errUnsupported
	}
}

// described answers with the attributes of a file.
func (s *server) described(info fs.FileInfo, err error) error {
	if err != nil {
		return err
	}
	s.answer.begin(typeAttrs)
	s.answer.attributes(s.describe(info))
	return nil
}

// oneName answers with a path.
func (s *server) oneName(name string) error {
	e := &s.answer
	e.begin(typeName)
	e.uint32(1)
	e.text(name)
	e.text(name)
	e.attributes(attributes{})
	return nil
}

func (s *server) setstat(name string, d *decoder) error {
	a := d.attributes()
	if d.err != nil {
		return d.err
	}
	return s.change(named{s.root, name}, a)
}

// remove removes a directory, or anything else.
func (s *server) remove(name string, dir bool) error {
	info, err := s.root.Lstat(name)
	switch {
	case err != nil:
		return err
	case dir && !info.IsDir():
		return syscall.ENOTDIR
	case !dir && info.IsDir():
		return syscall.EISDIR
	}
	return s.root.Remove(name)
}

func (s *server) mkdir(name string, d *decoder) error {
	a := d.attributes()
	if d.err != nil {
		return d.err
	}
	mode := fs.FileMode(0o755)
	if a.flags&hasMode != 0 {
		mode = goMode(a.mode)
	}
	if err := s.root.Mkdir(name, mode.Perm()); err != nil || mode.Perm() == mode {
		return err
	}
	return s.root.Chmod(name, mode)
}

// rename is the protocol's own, which replaces nothing (section 6.5 of the draft).
func (s *server) rename(from, to string, d *decoder) error {
	if d.err != nil {
		return d.err
	}
	if _, err := s.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	return s.root.Rename(from, to)
}

// symlink has its arguments in the order of OpenSSH, which all clients follow.
func (s *server) symlink(text, name string, d *decoder) error {
	if d.err != nil {
		return d.err
	}
	return s.root.Symlink(text, name)
}
