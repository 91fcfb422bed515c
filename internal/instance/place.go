// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
)

// The names of hidden parents, each beside the paths of the instances whose directories it holds.
// None can be the name of an instance's directory.
const (
	longParent  = "rancher-desktop.d"
	shortParent = ".rd.d"
)

// lockName is the file in a hidden parent that is locked while directories move. No instance has
// such a name.
const lockName = "dirs.lock"

// place is where one of an instance's directories is.
type place struct {
	// public is the path that everybody uses.
	public string
	// parent is the hidden parent, and name what public leads to in it. Both are empty where public is
	// a directory itself: on other systems than Linux, which have no views, and for paths that Resolve
	// does not return.
	parent, name string
}

// places are those of Dir, LogDir and ShortDir.
func (i Instance) places() []place {
	return []place{
		i.place(i.Dir, dirPrefix, longParent), i.place(i.LogDir, dirPrefix, longParent), i.place(i.ShortDir, shortPrefix, shortParent),
	}
}

func (i Instance) place(public, prefix, parent string) place {
	if runtime.GOOS != "linux" || i.Name == "" || filepath.Base(public) != prefix+i.Name {
		return place{public: public}
	}
	return place{public: public, parent: filepath.Join(filepath.Dir(public), parent), name: i.Name}
}

// real is the directory that public leads to.
func (p place) real() string { return filepath.Join(p.parent, p.name) }

// target is what the link at public says. It is relative, so that it leads to the same directory
// where the directory above is mounted elsewhere.
func (p place) target() string { return filepath.Join(filepath.Base(p.parent), p.name) }

// linked reports whether public is the link that leads to real.
func (p place) linked() bool {
	target, err := os.Readlink(p.public)
	return err == nil && target == p.target()
}

// make makes the directory, unless one of the guests would see what is in it.
func (p place) make(guests []guest) error {
	if p.parent == "" {
		return os.MkdirAll(p.public, 0o700)
	}
	seen, err := seenBy(guests, p.parent)
	if err != nil {
		return err
	}
	if seen != nil && (p.linked() || !isDir(p.public)) {
		return &exposedError{dir: p.parent, guests: seen}
	}
	if seen != nil {
		return p.stay(guests)
	}
	if err := os.MkdirAll(p.parent, 0o700); err != nil {
		return err
	}
	lock, err := flock.Wait(context.Background(), filepath.Join(p.parent, lockName))
	if err != nil {
		return err
	}
	return errors.Join(p.settle(guests), lock.Unlock())
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// settle makes or moves the directory in its parent, which no guest sees.
func (p place) settle(guests []guest) error {
	info, err := os.Lstat(p.public)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(p.makeReal(), p.relink())
	}
	if err != nil {
		return err
	}
	if p.linked() {
		return p.makeReal()
	}
	if err := p.relink(); err != nil || p.linked() {
		return err
	}
	if err := p.vacate(); err != nil {
		return err
	}
	if info.IsDir() {
		if moved, err := p.move(); moved || err != nil {
			return err
		}
	}
	return p.stay(guests)
}

// makeReal makes the directory in the parent.
func (p place) makeReal() error {
	if isDir(p.real()) {
		return nil
	}
	if err := p.vacate(); err != nil {
		return err
	}
	if err := os.Mkdir(p.real(), 0o700); err != nil {
		return err
	}
	return atomicfile.SyncDir(p.parent)
}

// vacate removes what an interrupted move has left, or an empty directory. It fails when public is
// something else than the link to a directory that is in use.
func (p place) vacate() error {
	err := atomicfile.Remove(p.real())
	if isDir(p.real()) {
		return fmt.Errorf("%s and %s both exist: something else is where the link to the second was; move away the one that is not wanted",
			p.public, p.real())
	}
	return err
}

// relink makes the link if there is a directory that it leads to. Nothing is in its place then, or
// what programs have made there that missed a directory.
func (p place) relink() error {
	if p.parent == "" || p.linked() || !isDir(p.real()) {
		return nil
	}
	if !p.merge() {
		return nil
	}
	if err := os.Symlink(p.target(), p.public); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(p.public))
}

// merge moves sockets from a directory at public into the one where they belong: whoever listens on
// them goes on. It reports whether nothing is at public any more: empty directories are removed,
// and anything else stays.
func (p place) merge() bool {
	info, err := os.Lstat(p.public)
	if err != nil || !info.IsDir() {
		return errors.Is(err, fs.ErrNotExist)
	}
	sockets, err := entries(p.public, func(mode fs.FileMode) bool { return mode&fs.ModeSocket != 0 })
	for _, path := range sockets {
		err = errors.Join(err, atomicfile.Rename(path, filepath.Join(p.real(), filepath.Base(path))))
	}
	dirs, listErr := entries(p.public, fs.FileMode.IsDir)
	for _, path := range dirs {
		err = errors.Join(err, atomicfile.Remove(path))
	}
	return errors.Join(err, listErr, atomicfile.Remove(p.public)) == nil
}

// move moves the directory at public into the parent and leaves the link, in one step. moved is
// false when that is not possible: a mount point, or a parent on another file system.
func (p place) move() (moved bool, err error) {
	if err := os.Symlink(p.target(), p.real()); err != nil {
		return false, err
	}
	err = atomicfile.Exchange(p.real(), p.public)
	if p.linked() {
		return true, err
	}
	return false, atomicfile.Remove(p.real())
}

// stay leaves a directory, or the user's own link to one, where it is. Machines that start later
// are kept from seeing it, like those that were started after it was made.
func (p place) stay(guests []guest) error {
	if err := os.MkdirAll(p.public, 0o700); err != nil {
		return err
	}
	seen, err := seenBy(guests, p.public)
	if err == nil && seen != nil {
		return &exposedError{dir: p.public, guests: seen}
	}
	return err
}
