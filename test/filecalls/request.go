// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package filecalls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// request is a system call that waits for its answer.
type request struct {
	layer *Layer
	notification
}

// fd is an argument that is a file descriptor, or AT_FDCWD.
func (r *request) fd(n int) int { return int(int32(r.args[n])) }

func (r *request) proc(rest string) string { return fmt.Sprintf("/proc/%d/%s", r.pid, rest) }

// read returns bytes of the caller's memory.
func (r *request) read(address uint64, size int) ([]byte, error) {
	data := make([]byte, size)
	if size == 0 {
		return data, nil
	}
	local := []unix.Iovec{{Base: &data[0]}}
	local[0].SetLen(size)
	n, err := unix.ProcessVMReadv(int(r.pid), local, []unix.RemoteIovec{{Base: uintptr(address), Len: size}}, 0)
	if err != nil {
		return nil, err
	}
	return data[:n], nil
}

// gather returns the bytes that a vector of buffers has.
func (r *request) gather(address uint64, count int) ([]byte, error) {
	const entry = 16
	vector, err := r.read(address, count*entry)
	if err != nil {
		return nil, err
	}
	var all []byte
	for ; len(vector) >= entry; vector = vector[entry:] {
		data, err := r.read(binary.NativeEndian.Uint64(vector), int(binary.NativeEndian.Uint64(vector[8:])))
		if err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, nil
}

// text is a string in the caller's memory. It is read to the end of its page first, because the
// next one may not be there.
func (r *request) text(address uint64) (string, error) {
	page := uint64(os.Getpagesize())
	var all []byte
	for len(all) < unix.PathMax {
		data, err := r.read(address, int(page-address%page))
		if err != nil {
			return "", err
		}
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return string(append(all, data[:i]...)), nil
		}
		all = append(all, data...)
		address += uint64(len(data))
	}
	return "", unix.ENAMETOOLONG
}

// path is the n-th argument, a path from a directory. Its parent is resolved, the last name not.
func (r *request) path(dir, n int) (string, error) {
	name, err := r.text(r.args[n])
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(name) {
		base := r.proc("cwd")
		if dir != unix.AT_FDCWD {
			base = r.proc(fmt.Sprintf("fd/%d", dir))
		}
		if base, err = os.Readlink(base); err != nil {
			return "", err
		}
		name = filepath.Join(base, name)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(name))
	if errors.Is(err, fs.ErrNotExist) {
		return filepath.Clean(name), nil
	}
	return filepath.Join(parent, filepath.Base(name)), err
}

// paths sets both paths of a call; ok says that the layer is responsible for one.
func (r *request) paths(c *Call, fromDir, from, toDir, to int) (ok bool) {
	var errFrom, errTo error
	c.Path, errFrom = r.path(fromDir, from)
	c.To, errTo = r.path(toDir, to)
	return errFrom == nil && errTo == nil && (r.layer.below(c.Path) || r.layer.below(c.To))
}

// file is the path of an open file or directory that the layer is responsible for.
func (r *request) file(fd int) (string, bool) {
	name, err := os.Readlink(r.proc(fmt.Sprintf("fd/%d", fd)))
	return name, err == nil && r.layer.below(name) && !strings.HasSuffix(name, " (deleted)")
}

// position at which an open file is written next.
func (r *request) position(fd int) (int64, error) {
	info, err := os.ReadFile(r.proc(fmt.Sprintf("fdinfo/%d", fd)))
	if err != nil {
		return 0, err
	}
	var position, flags int64
	if _, err := fmt.Sscanf(string(info), "pos:\t%d\nflags:\t0%o", &position, &flags); err != nil {
		return 0, fmt.Errorf("reading %q: %w", info, err)
	}
	if flags&unix.O_APPEND == 0 {
		return position, nil
	}
	stat, err := os.Stat(r.proc(fmt.Sprintf("fd/%d", fd)))
	if err != nil {
		return 0, err
	}
	return stat.Size(), nil
}

// writeAt writes to a file of the caller's.
func (r *request) writeAt(fd int, data []byte, offset int64) error {
	f, err := os.OpenFile(r.proc(fmt.Sprintf("fd/%d", fd)), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, offset)
	return errors.Join(err, f.Close())
}
