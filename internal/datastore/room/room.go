// SPDX-License-Identifier: Apache-2.0

// Package room watches the free space of a file system, and keeps some of it for the time when
// there is no more.
//
// Below a reserve of free space nothing new is admitted. Other programs know nothing of that
// reserve; for what must go on when they have filled the disk, deletions above all, there is a
// ballast: a file that is given up then, and made again when there is room. Its last part is given
// up only to a write that has failed: what is given up before is taken by others as well.
package room

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// Options of New. Sizes are in bytes.
type Options struct {
	// Reserve of free space below which nothing is admitted.
	Reserve int64
	// Ballast is the size of the file that is given up when there is no room.
	Ballast int64
	// Last is how much of it is kept until a write fails. So much is made, too, where there is no room
	// for the whole; 0 means neither.
	Last int64
	// Free measures the space below a directory; nil means the file system's own figure.
	Free func(dir string) (int64, error)
	// Files counts the files that can still be made there, negative where there is no limit; nil means
	// the file system's own figure.
	Files func(dir string) (int64, error)
}

// Room is the space around one file.
type Room struct {
	dir, ballast string
	options      Options

	mu sync.Mutex // of the ballast
}

// ShortError says that there is less room than must be left.
type ShortError struct {
	Dir string
	// Free space and the reserve, in bytes.
	Free, Reserve int64
}

// Error implements error.
func (e *ShortError) Error() string {
	return fmt.Sprintf("no room: %d MB are free in %s, the last %d MB are kept for deletions", e.Free>>20, e.Dir, e.Reserve>>20)
}

// New watches the directory that ballast, the name of a file, is in. It changes nothing yet.
func New(ballast string, options Options) *Room {
	if options.Free == nil {
		options.Free = freeSpace
	}
	if options.Files == nil {
		options.Files = freeFiles
	}
	return &Room{dir: filepath.Dir(ballast), ballast: ballast, options: options}
}

// TooSmallError says that there is not enough room to begin with something.
type TooSmallError struct {
	Dir string
	// Unit is what there is too little of: "MB" or "files".
	Unit string
	// Free is what there is of it, and Needed what there must be.
	Free, Needed int64
}

// Error implements error.
func (e *TooSmallError) Error() string {
	if e.Unit == "MB" {
		return fmt.Sprintf("%d MB are free in %s, and %d MB are needed", e.Free, e.Dir, e.Needed)
	}
	return fmt.Sprintf("only %d more files can be made in %s, and %d are needed", e.Free, e.Dir, e.Needed)
}

// Begin returns an error unless so many bytes are free, so many files can be made, and the
// directory can be written to: a *TooSmallError, or the system's own.
func (r *Room) Begin(bytes, files int64) error {
	if free, ok := r.Free(); ok && free < bytes {
		return &TooSmallError{Dir: r.dir, Unit: "MB", Free: free >> 20, Needed: (bytes + 1<<20 - 1) >> 20}
	}
	if free, err := r.options.Files(r.dir); err == nil && free >= 0 && free < files {
		return &TooSmallError{Dir: r.dir, Unit: "files", Free: free, Needed: files}
	}
	return r.Writable()
}

// Free returns the free space in bytes; ok is false where it cannot be known, and the writes
// themselves must tell. Asking costs a microsecond or two.
func (r *Room) Free() (free int64, ok bool) {
	free, err := r.options.Free(r.dir)
	return free, err == nil
}

// Reserve is the free space below which nothing is admitted, in bytes.
func (r *Room) Reserve() int64 { return r.options.Reserve }

// Admit returns a *ShortError when there is less room than the reserve, and more bytes.
func (r *Room) Admit(more int64) error {
	if free, ok := r.Free(); ok && free < r.options.Reserve+more {
		return &ShortError{Dir: r.dir, Free: free, Reserve: r.options.Reserve}
	}
	return nil
}

// Release gives the ballast up, first all but its last part, then that one. It reports whether
// there was one.
func (r *Room) Release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.release()
}

func (r *Room) release() bool {
	info, err := os.Lstat(r.ballast)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	if r.options.Last > 0 && info.Size() > r.options.Last {
		return os.Truncate(r.ballast, r.options.Last) == nil
	}
	return atomicfile.Remove(r.ballast) == nil
}

// Tend makes the ballast when there is ample room, and its last part where there is less. It gives
// the ballast up, but for that part, when there is next to no room. It returns the error that kept
// it from being made.
func (r *Room) Tend() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, ok := r.Free()
	switch {
	case !ok:
		return nil
	case free < r.options.Ballast:
		if r.options.Last == 0 || r.has(r.options.Last+1) {
			r.release()
		}
		return nil
	case free < r.options.Reserve+2*r.options.Ballast:
		return r.ensure(r.options.Last)
	}
	return r.ensure(r.options.Ballast)
}

// has reports whether the ballast has so many bytes.
func (r *Room) has(size int64) bool {
	info, err := os.Lstat(r.ballast)
	return err == nil && info.Mode().IsRegular() && info.Size() >= size
}

// ensure makes a ballast of a size, unless there is one of that size or more.
func (r *Room) ensure(size int64) error {
	if r.has(size) || size == 0 {
		return nil
	}
	if err := r.fill(size); err != nil {
		return fmt.Errorf("keeping room for deletions: %w", err)
	}
	return nil
}

// fill makes the ballast, of bytes that no file system can compress or leave out.
func (r *Room) fill(size int64) error {
	f, err := os.OpenFile(r.ballast, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	var seed [32]byte
	if _, err = io.CopyN(f, rand.NewChaCha8(seed), size); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		return nil
	}
	return errors.Join(err, atomicfile.Remove(r.ballast)) // half a ballast takes room and gives none
}

// Writable tries to write into the directory. It returns the system's own error, where a database
// has told only that something failed.
func (r *Room) Writable() error {
	f, err := os.CreateTemp(r.dir, ".probe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	if syncErr := f.Sync(); err == nil {
		err = syncErr
	}
	_ = f.Close() // its content is of no interest
	if removeErr := atomicfile.Remove(f.Name()); err == nil {
		err = removeErr
	}
	return err
}

// Missing reports whether an error means that the file system or the user's quota is used up.
func Missing(err error) bool { return isFull(err) }
