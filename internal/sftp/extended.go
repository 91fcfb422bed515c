// SPDX-License-Identifier: Apache-2.0

package sftp

import "os"

// extended answers the requests of OpenSSH's extensions.
func (s *server) extended(d *decoder) error {
	name := d.text()
	if d.err != nil {
		return d.err
	}
	switch name {
	case extFsync:
		h, _, err := s.handles.find(d)
		if err != nil {
			return err
		}
		return h.file.Sync()
	case extStatvfs:
		return s.statvfs(d)
	case extLimits:
		s.limits()
		return nil
	case extRename, extHardlink, extLsetstat:
		if s.ReadOnly {
			return errReadOnly
		}
		return s.extendedName(name, d)
	default:
		return errUnsupported
	}
}

// extendedName answers an extended request that changes a path.
func (s *server) extendedName(extension string, d *decoder) error {
	name := clean(d.text())
	if extension == extLsetstat {
		return s.setstat(name, d)
	}
	other := clean(d.text())
	if d.err != nil {
		return d.err
	}
	if extension == extHardlink {
		return s.root.Link(name, other)
	}
	return s.root.Rename(name, other)
}

// limits answers with the limits of this server.
func (s *server) limits() {
	e := &s.answer
	e.begin(typeReply)
	for _, limit := range []uint64{maxPacket, maxData, maxData, maxHandles} {
		e.uint64(limit)
	}
}

// statvfs answers with the room in the file system of a path.
func (s *server) statvfs(d *decoder) error {
	name := clean(d.text())
	if d.err != nil {
		return d.err
	}
	f, err := openRegular(s.root, name, os.O_RDONLY, 0)
	if err != nil {
		f, err = s.root.Open(".") // what cannot be opened is most likely on the same file system
	}
	if err != nil {
		return err
	}
	values, err := statvfs(f)
	if err = closing(f, err); err != nil {
		return err
	}
	s.answer.begin(typeReply)
	for _, value := range values {
		s.answer.uint64(value)
	}
	return nil
}
