// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// errGoOn lets the kernel do the call.
var errGoOn = errors.New("go on")

// handler answers one system call. It does the call itself and returns the result, or returns
// errGoOn or a unix.Errno.
type handler func(r *request) (int64, error)

// handlers by the number of the call.
func handlers() map[int]handler {
	here := func(int) int { return unix.AT_FDCWD }
	all := map[int]handler{
		unix.SYS_OPENAT:          func(r *request) (int64, error) { return r.open(r.fd(0), 1, int(r.args[2])) },
		unix.SYS_WRITE:           func(r *request) (int64, error) { return r.write(false) },
		unix.SYS_PWRITE64:        func(r *request) (int64, error) { return r.write(true) },
		unix.SYS_WRITEV:          func(r *request) (int64, error) { return r.writev(false) },
		unix.SYS_PWRITEV:         func(r *request) (int64, error) { return r.writev(true) },
		unix.SYS_FTRUNCATE:       func(r *request) (int64, error) { return r.truncate(r.file(r.fd(0))) },
		unix.SYS_TRUNCATE:        func(r *request) (int64, error) { return r.truncatePath() },
		unix.SYS_FSYNC:           func(r *request) (int64, error) { return r.sync() },
		unix.SYS_FDATASYNC:       func(r *request) (int64, error) { return r.sync() },
		unix.SYS_RENAMEAT:        func(r *request) (int64, error) { return r.rename(r.fd(0), 1, r.fd(2), 3, 0) },
		unix.SYS_RENAMEAT2:       func(r *request) (int64, error) { return r.rename(r.fd(0), 1, r.fd(2), 3, uint(r.args[4])) },
		unix.SYS_MKDIRAT:         func(r *request) (int64, error) { return r.mkdir(r.fd(0), 1, 2) },
		unix.SYS_LINKAT:          func(r *request) (int64, error) { return r.link(r.fd(0), 1, r.fd(2), 3, int(r.args[4])) },
		unix.SYS_SYMLINKAT:       func(r *request) (int64, error) { return r.symlink(0, r.fd(1), 2) },
		unix.SYS_UNLINKAT:        func(r *request) (int64, error) { return r.remove(r.fd(0), 1, int(r.args[2])) },
		unix.SYS_COPY_FILE_RANGE: func(r *request) (int64, error) { return r.refuse(2, unix.EXDEV) },
		unix.SYS_SENDFILE:        func(r *request) (int64, error) { return r.refuse(0, unix.EINVAL) },
		unix.SYS_FALLOCATE:       func(r *request) (int64, error) { return r.refuse(0, unix.EOPNOTSUPP) },
		unix.SYS_IOCTL:           (*request).ioctl,
	}
	for nr, h := range map[int]handler{
		older.open:    func(r *request) (int64, error) { return r.open(here(0), 0, int(r.args[1])) },
		older.creat:   func(r *request) (int64, error) { return r.open(here(0), 0, unix.O_CREAT|unix.O_TRUNC) },
		older.rename:  func(r *request) (int64, error) { return r.rename(here(0), 0, here(0), 1, 0) },
		older.mkdir:   func(r *request) (int64, error) { return r.mkdir(here(0), 0, 1) },
		older.link:    func(r *request) (int64, error) { return r.link(here(0), 0, here(0), 1, 0) },
		older.symlink: func(r *request) (int64, error) { return r.symlink(0, here(0), 1) },
		older.unlink:  func(r *request) (int64, error) { return r.remove(here(0), 0, 0) },
		older.rmdir:   func(r *request) (int64, error) { return r.remove(here(0), 0, unix.AT_REMOVEDIR) },
	} {
		if nr >= 0 {
			all[nr] = h
		}
	}
	return all
}

// do counts a call, and does it unless it is to fail. A call whose fault is Nothing succeeds with
// value.
func (r *request) do(c Call, value int64, run func() error) (int64, error) {
	switch fault := r.layer.decide(c); fault {
	case Fine:
		return value, run()
	case Nothing:
		return value, nil
	default:
		return 0, fault.errno()
	}
}

func (r *request) open(dir, path, flags int) (int64, error) {
	if flags&(unix.O_CREAT|unix.O_TRUNC) == 0 || flags&unix.O_PATH != 0 {
		return 0, errGoOn
	}
	name, err := r.path(dir, path)
	if err != nil || !r.layer.below(name) || filepath.Base(name) == NoteFile {
		return 0, errGoOn
	}
	c, e := Call{Op: Create, Path: name}, event{}
	switch info, err := os.Stat(name); {
	case errors.Is(err, fs.ErrNotExist) && flags&unix.O_CREAT != 0:
	case err == nil && flags&unix.O_EXCL == 0 && flags&unix.O_TRUNC != 0 && info.Mode().IsRegular() && info.Size() > 0:
		c.Op = Truncate
	default:
		return 0, errGoOn
	}
	e.Call = c
	if fault := r.layer.decide(c); fault != Fine && fault != Nothing {
		return 0, fault.errno()
	}
	r.layer.record(e)
	return 0, errGoOn
}

// write handles write and pwrite64.
func (r *request) write(at bool) (int64, error) {
	name, ok := r.file(r.fd(0))
	if !ok {
		return 0, errGoOn
	}
	data, err := r.read(r.args[1], int(r.args[2]))
	if err != nil {
		return 0, err
	}
	return r.written(name, data, at)
}

func (r *request) writev(at bool) (int64, error) {
	name, ok := r.file(r.fd(0))
	if !ok {
		return 0, errGoOn
	}
	data, err := r.gather(r.args[1], int(r.args[2]))
	if err != nil {
		return 0, err
	}
	return r.written(name, data, at)
}

func (r *request) written(name string, data []byte, at bool) (int64, error) {
	if filepath.Base(name) == NoteFile {
		r.layer.Note(string(data))
		return int64(len(data)), nil
	}
	offset := int64(r.args[3])
	if !at {
		var err error
		if offset, err = r.position(r.fd(0)); err != nil {
			return 0, err
		}
	}
	e := event{Call: Call{Op: Write, Path: name}, offset: offset, data: data}
	switch fault := r.layer.decide(e.Call); fault {
	case Fine:
		r.layer.record(e)
		return 0, errGoOn
	case Nothing:
		return int64(len(data)), nil
	case Torn:
		e.data = data[:len(data)/2]
		r.layer.record(e)
		if err := r.writeAt(r.fd(0), e.data, offset); err != nil {
			return 0, err
		}
		return 0, unix.EIO
	default:
		return 0, fault.errno()
	}
}

func (r *request) truncatePath() (int64, error) {
	name, err := r.path(unix.AT_FDCWD, 0)
	info, statErr := os.Lstat(name)
	return r.truncate(name, err == nil && statErr == nil && info.Mode().IsRegular() && r.layer.below(name))
}

func (r *request) truncate(name string, ok bool) (int64, error) {
	if !ok {
		return 0, errGoOn
	}
	c := Call{Op: Truncate, Path: name}
	return r.do(c, 0, func() error {
		r.layer.record(event{Call: c, size: int64(r.args[1])})
		return errGoOn
	})
}

func (r *request) sync() (int64, error) {
	name, ok := r.file(r.fd(0))
	if !ok {
		return 0, errGoOn
	}
	c := Call{Op: Sync, Path: name}
	return r.do(c, 0, func() error {
		r.layer.record(event{Call: c})
		return errGoOn
	})
}

func (r *request) rename(fromDir, from, toDir, to int, flags uint) (int64, error) {
	c := Call{Op: Rename}
	if !r.paths(&c, fromDir, from, toDir, to) {
		return 0, errGoOn
	}
	return r.do(c, 0, func() error {
		err := unix.Renameat2(unix.AT_FDCWD, c.Path, unix.AT_FDCWD, c.To, flags)
		return r.done(c, err)
	})
}

func (r *request) mkdir(dir, path, mode int) (int64, error) {
	name, err := r.path(dir, path)
	if err != nil || !r.layer.below(name) {
		return 0, errGoOn
	}
	if _, err := os.Lstat(name); err == nil {
		return 0, unix.EEXIST // nothing is changed, nothing can fail
	}
	c := Call{Op: Mkdir, Path: name}
	return r.do(c, 0, func() error { return r.done(c, unix.Mkdir(name, uint32(r.args[mode]))) })
}

func (r *request) link(fromDir, from, toDir, to, flags int) (int64, error) {
	c := Call{Op: Link}
	if !r.paths(&c, fromDir, from, toDir, to) {
		return 0, errGoOn
	}
	return r.do(c, 0, func() error { return r.done(c, unix.Linkat(unix.AT_FDCWD, c.Path, unix.AT_FDCWD, c.To, flags)) })
}

func (r *request) symlink(target, dir, path int) (int64, error) {
	name, err := r.path(dir, path)
	if err != nil || !r.layer.below(name) {
		return 0, errGoOn
	}
	text, err := r.text(r.args[target])
	if err != nil {
		return 0, err
	}
	c := Call{Op: Link, Path: text, To: name}
	return r.do(c, 0, func() error { return r.done(c, unix.Symlink(text, name)) })
}

func (r *request) remove(dir, path, flags int) (int64, error) {
	name, err := r.path(dir, path)
	if err != nil || !r.layer.below(name) {
		return 0, errGoOn
	}
	info, err := os.Lstat(name)
	if err != nil || info.IsDir() != (flags&unix.AT_REMOVEDIR != 0) {
		return 0, errGoOn // nothing is changed
	}
	c := Call{Op: Remove, Path: name}
	return r.do(c, 0, func() error { return r.done(c, unix.Unlinkat(unix.AT_FDCWD, name, flags)) })
}

// done records a call that has succeeded.
func (r *request) done(c Call, err error) error {
	if err == nil {
		r.layer.record(event{Call: c})
	}
	return err
}

// refuse makes programs fall back to plain writes.
func (r *request) refuse(to int, errno unix.Errno) (int64, error) {
	if _, ok := r.file(r.fd(to)); !ok {
		return 0, errGoOn
	}
	return 0, errno
}

// ioctl refuses clones of files.
func (r *request) ioctl() (int64, error) {
	if cmd := uint(r.args[1]); cmd != unix.FICLONE && cmd != unix.FICLONERANGE {
		return 0, errGoOn
	}
	return r.refuse(0, unix.EOPNOTSUPP)
}
