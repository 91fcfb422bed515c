// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

const (
	// maxHandles is how many files and directories a client may have open.
	maxHandles = 16 << 10
	// listed is how many entries of a directory one answer has.
	listed = 100
)

// Flags of an open (section 6.3 of the draft).
const (
	openRead   = 1
	openWrite  = 2
	openAppend = 4
	openCreate = 8
	openTrunc  = 16
	openExcl   = 32
)

// handle is what a client has open.
type handle struct {
	file *os.File
	// path is what it was opened by, below the root.
	path string
	// appends: what is written goes to the end of the file, whatever the request says.
	appends bool
	// isDir: it is listed; begun says that the first part was sent.
	isDir, begun bool
}

// handles are those of a session, by their numbers.
type handles struct {
	all  map[uint32]*handle
	next uint32
}

func (h *handles) add(e *encoder, opened *handle) error {
	if len(h.all) >= maxHandles {
		return closing(opened.file, errTooMany)
	}
	if h.all == nil {
		h.all = map[uint32]*handle{}
	}
	for h.all[h.next] != nil {
		h.next++
	}
	h.all[h.next] = opened
	e.begin(typeHandle)
	e.uint32(4)
	e.uint32(h.next)
	h.next++
	return nil
}

// find returns the handle that a request names.
func (h *handles) find(d *decoder) (*handle, uint32, error) {
	name := d.data()
	if len(name) != 4 {
		return nil, 0, errHandle
	}
	number := binary.BigEndian.Uint32(name)
	if found := h.all[number]; found != nil {
		return found, number, nil
	}
	return nil, 0, errHandle
}

func (h *handles) closeAll() {
	for _, opened := range h.all {
		_ = opened.file.Close() // nobody is left who could be told
	}
}

// openRegular opens a file that is no device and no FIFO, on which opening could block or have an
// effect.
func openRegular(root *os.Root, name string, flags int, mode fs.FileMode) (*os.File, error) {
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, errSpecial
	}
	f, err := root.OpenFile(name, flags|syscall.O_NONBLOCK, mode.Perm())
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = errSpecial
	}
	if err != nil {
		return nil, closing(f, err)
	}
	return f, nil
}

func (s *server) open(d *decoder) error {
	name, wanted, a := clean(d.text()), d.uint32(), d.attributes()
	if d.err != nil {
		return d.err
	}
	flags, err := s.openFlags(wanted)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if a.flags&hasMode != 0 {
		mode = goMode(a.mode)
	}
	f, err := openRegular(s.root, name, flags, mode)
	if err != nil {
		return err
	}
	return s.handles.add(&s.answer, &handle{file: f, path: name, appends: flags&os.O_APPEND != 0})
}

// openFlags makes flags of open(2) of those of a request.
func (s *server) openFlags(wanted uint32) (flags int, err error) {
	switch {
	case wanted&(openWrite|openAppend) == 0:
		flags = os.O_RDONLY
	case wanted&openRead == 0:
		flags = os.O_WRONLY
	default:
		flags = os.O_RDWR
	}
	for flag, bit := range map[uint32]int{openAppend: os.O_APPEND, openCreate: os.O_CREATE, openTrunc: os.O_TRUNC, openExcl: os.O_EXCL} {
		if wanted&flag != 0 {
			flags |= bit
		}
	}
	if s.ReadOnly && wanted&^openRead != 0 {
		return 0, errReadOnly
	}
	return flags, nil
}

func (s *server) close(d *decoder) error {
	h, number, err := s.handles.find(d)
	if err != nil {
		return err
	}
	delete(s.handles.all, number)
	return h.file.Close()
}

func (s *server) read(d *decoder) error {
	h, _, err := s.handles.find(d)
	offset, size := d.uint64(), min(d.uint32(), maxData)
	if err = errors.Join(err, d.err); err != nil {
		return err
	}
	e := &s.answer
	e.begin(typeData)
	e.uint32(0)
	head := len(e.buffer)
	e.buffer = slices.Grow(e.buffer, int(size))[:head+int(size)]
	n, err := h.file.ReadAt(e.buffer[head:], int64(offset))
	if n == 0 && size > 0 {
		return err
	}
	e.buffer = e.buffer[:head+n]
	binary.BigEndian.PutUint32(e.buffer[head-4:], uint32(n))
	return nil
}

func (s *server) write(d *decoder) error {
	h, _, err := s.handles.find(d)
	offset, data := d.uint64(), d.data()
	if err = errors.Join(err, d.err); err != nil {
		return err
	}
	if h.appends {
		_, err = h.file.Write(data)
	} else {
		_, err = h.file.WriteAt(data, int64(offset))
	}
	return err
}

func (s *server) fstat(d *decoder) error {
	h, _, err := s.handles.find(d)
	if err != nil {
		return err
	}
	info, err := h.file.Stat()
	return s.described(info, err)
}

func (s *server) fsetstat(d *decoder) error {
	h, _, err := s.handles.find(d)
	a := d.attributes()
	if err = errors.Join(err, d.err); err != nil {
		return err
	}
	return s.change(opened{h.file}, a)
}

func (s *server) opendir(d *decoder) error {
	name := clean(d.text())
	if d.err != nil {
		return d.err
	}
	f, err := openRegular(s.root, name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return closing(f, err)
	}
	return s.handles.add(&s.answer, &handle{file: f, path: name, isDir: true})
}

// readdir answers with the next entries of a directory, each with its attributes. Where these
// cannot be read, as those of a mount point that is broken, the entry has none.
func (s *server) readdir(d *decoder) error {
	h, _, err := s.handles.find(d)
	if err != nil {
		return err
	}
	if !h.isDir {
		return errHandle
	}
	names, err := h.file.Readdirnames(listed)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(names) == 0 && h.begun {
		return io.EOF
	}
	e := &s.answer
	e.begin(typeName)
	count := len(e.buffer)
	e.uint32(0)
	n := uint32(0)
	if !h.begun {
		h.begun = true
		self, err := h.file.Stat()
		if err != nil {
			return err
		}
		s.entry(".", s.describe(self))
		s.entry("..", s.describe(self))
		n = 2
	}
	for _, name := range names {
		a, err := s.lstat(h, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed meanwhile
		}
		s.entry(name, a)
		n++
	}
	binary.BigEndian.PutUint32(e.buffer[count:], n)
	return nil
}

// entry adds an entry of a directory. Its long form is for people, and not used by sshfs.
func (s *server) entry(name string, a attributes) {
	s.answer.text(name)
	s.answer.text(name)
	s.answer.attributes(a)
}
