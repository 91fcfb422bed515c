// SPDX-License-Identifier: Apache-2.0

// Package room watches the free space of a file system, and keeps some of it for the time when
// there is no more.
//
// Below a reserve of free space nothing new is admitted. Other programs know nothing of that
// reserve; for what must go on when they have filled the disk, deletions above all, there is a
// ballast: a file that is given up then, and made again when there is room.
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
	// Free measures the space below a directory; nil means the file system's own figure.
	Free func(dir string) (int64, error)
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
	return &Room{dir: filepath.Dir(ballast), ballast: ballast, options: options}
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

// Release gives the ballast up and reports whether there was one.
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
	return atomicfile.Remove(r.ballast) == nil
}

// Tend makes the ballast when there is ample room, and gives it up when there is next to none. It
// returns the error that kept it from being made.
func (r *Room) Tend() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	free, ok := r.Free()
	switch {
	case !ok:
		return nil
	case free < r.options.Ballast:
		r.release()
		return nil
	case free < r.options.Reserve+2*r.options.Ballast:
		return nil
	}
	if info, err := os.Lstat(r.ballast); err == nil && info.Mode().IsRegular() && info.Size() >= r.options.Ballast {
		return nil
	}
	if err := r.fill(); err != nil {
		return fmt.Errorf("keeping room for deletions: %w", err)
	}
	return nil
}

// fill makes the ballast, of bytes that no file system can compress or leave out.
func (r *Room) fill() error {
	f, err := os.OpenFile(r.ballast, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	var seed [32]byte
	if _, err = io.CopyN(f, rand.NewChaCha8(seed), r.options.Ballast); err == nil {
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
