// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// MakeDirs creates the instance's directories with mode 0700, where they do not exist. On Linux
// Dir, LogDir and ShortDir become links into their hidden parents. Directories from before there
// were such parents are moved there in one step, which programs that use them do not notice. Those
// that cannot be moved, and links of the user's own, stay as they are.
//
// It fails before anything is made when a running guest would see it, and with an *OwnerError when
// that would be in another user's home. It fails, too, when a directory belongs to another user.
func (i Instance) MakeDirs() error {
	err := i.CheckOwners()
	if err == nil {
		err = i.makeDirs()
	}
	if err != nil {
		return fmt.Errorf("creating an instance directory: %w", err)
	}
	return nil
}

func (i Instance) makeDirs() error {
	guests, err := runningGuests()
	if err != nil {
		return err
	}
	for _, p := range i.places() {
		if err := p.make(guests); err != nil {
			return err
		}
	}
	for _, dir := range []string{i.LimaHome(), i.BinDir(), i.TLSDir(), i.ImageDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, dir := range i.secretDirs() {
		if err := checkOwner(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{i.CacheDir, i.ImageDir()} {
		if err := checkWritable(dir); err != nil {
			return err
		}
	}
	return errors.Join(i.recordShort(), i.remember())
}

// secretDirs are the existing directories of which rdd alone decides who may read them.
func (i Instance) secretDirs() []string {
	dirs := []string{i.Dir, i.LogDir, i.ShortDir, i.LimaHome(), i.BinDir(), i.TLSDir()}
	for _, p := range i.places() {
		if _, err := os.Stat(p.parent); err == nil {
			dirs = append(dirs, p.parent)
		}
	}
	return dirs
}

// Relink restores the links to the instance's directories that somebody has removed. It makes
// nothing where there is no such directory.
func (i Instance) Relink() error {
	for _, p := range i.places() {
		if err := p.relink(); err != nil {
			return fmt.Errorf("restoring the link to an instance directory: %w", err)
		}
	}
	return nil
}

// RemoveDir removes Dir, LogDir or ShortDir with everything in it, and the link to it. The hidden
// parent stays: a running guest is kept from seeing what is made in it only as long as it does. An
// *atomicfile.MountedError says that mount points stay, and nothing else.
func (i Instance) RemoveDir(dir string) error {
	var left *atomicfile.MountedError
	for _, p := range i.places() {
		if p.public == dir && p.parent != "" {
			if err := atomicfile.RemoveAll(p.real()); err != nil && !errors.As(err, &left) {
				return err
			}
		}
	}
	if err := atomicfile.RemoveAll(dir); err != nil || left == nil {
		return err
	}
	return left
}

// checkOwner refuses a directory or file of another user, who could read and change what is in it.
func checkOwner(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if uid := owner(info); uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user (uid %d), who could read rdd's keys in it; "+
			"run rdd as that user, or make it yours: sudo chown -R %d:%d '%s'", path, uid, os.Geteuid(), os.Getegid(), real(path))
	}
	return nil
}

// checkWritable refuses a directory of another user in which only that one may make something.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 || owner(info) == os.Geteuid() || info.Mode()&othersWrite != 0 {
		return nil
	}
	return &fs.PathError{Op: "write to", Path: path, Err: fs.ErrPermission}
}

// real is the path without symbolic links, which chown -R does not follow.
func real(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}
