// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
)

// usersDir in an image holds a file for each machine whose disk refers to it, with the path of the
// machine's directory. A record counts as long as that directory exists, so nothing but the machine
// has to be deleted before its image may be removed.
const usersDir = "users"

// removedSuffix of an image's directory that is being removed.
const removedSuffix = ".removed"

// InUseError says that an image was not removed because disks of machines refer to it.
type InUseError struct {
	Image string
	Users []string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("image %s is in use by %s; delete the virtual machine first", e.Image, strings.Join(e.Users, ", "))
}

// Use records that the machine in directory instanceDir, which must exist, has a disk that refers
// to image, and to no other image. Call it before making the disk: from then on the image is kept.
// ErrNotFound: the image was removed meanwhile.
func (s *Store) Use(image Image, instanceDir string) error {
	instanceDir, err := filepath.Abs(instanceDir)
	if err != nil {
		return fmt.Errorf("using image %s: %w", image.Name, err)
	}
	dir := filepath.Dir(image.Disk)
	return s.exclusively(func() error {
		if !exists(filepath.Join(dir, manifestFile)) {
			return fmt.Errorf("using image %s: %w", image.Name, ErrNotFound)
		}
		if err := atomicfile.MkdirAll(filepath.Join(dir, usersDir), 0o700); err != nil {
			return fmt.Errorf("using image %s: %w", image.Name, err)
		}
		if err := atomicfile.Write(userFile(dir, instanceDir), []byte(instanceDir+"\n"), 0o600); err != nil {
			return fmt.Errorf("using image %s: %w", image.Name, err)
		}
		return s.forget(instanceDir, dir)
	})
}

// forget removes a machine's records in all images but keep.
func (s *Store) forget(instanceDir, keep string) error {
	records, err := filepath.Glob(userFile(filepath.Join(s.dir, "*"), instanceDir))
	if err != nil {
		return fmt.Errorf("looking for the images of %s: %w", instanceDir, err)
	}
	for _, record := range records {
		if filepath.Dir(filepath.Dir(record)) == keep {
			continue
		}
		if err := atomicfile.Remove(record); err != nil {
			return fmt.Errorf("giving an image free: %w", err)
		}
	}
	return nil
}

func userFile(imageDir, instanceDir string) string {
	sum := sha256.Sum256([]byte(instanceDir))
	return filepath.Join(imageDir, usersDir, hex.EncodeToString(sum[:8]))
}

// readUsers returns the machines that use the image in dir and still exist.
func readUsers(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, usersDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the users of an image: %w", err)
	}
	var users []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue // an interrupted write
		}
		data, err := os.ReadFile(filepath.Join(dir, usersDir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the users of an image: %w", err)
		}
		if user := strings.TrimSpace(string(data)); exists(user) {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users, nil
}

// Remove removes the image of a reference: a name that only one image has, the name of its
// directory, or its digest. It returns what it removed. *InUseError, ErrNotFound.
func (s *Store) Remove(reference string) (Entry, error) {
	var removed Entry
	err := s.removing(func() error {
		entry, err := s.find(reference)
		if err != nil {
			return err
		}
		removed = entry
		return s.remove(entry)
	})
	return removed, err
}

// Prune removes the images that no machine uses and that are outdated or superseded; with all,
// current ones too. It returns what it removed. Downloads that broke off, and that nobody goes on
// with now, are removed as well.
func (s *Store) Prune(all bool) ([]Entry, error) {
	var removed []Entry
	err := s.removing(func() error {
		entries, err := s.List()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if len(entry.Users) > 0 || (entry.Current && !all) {
				continue
			}
			if err := s.remove(entry); err != nil {
				return err
			}
			removed = append(removed, entry)
		}
		return nil
	})
	return removed, errors.Join(err, s.removeUnfinished())
}

// removeUnfinished removes downloads that nobody works on, and what is left of images whose removal
// was interrupted.
func (s *Store) removeUnfinished() error {
	removed, err := filepath.Glob(filepath.Join(s.dir, partialPrefix+"*"+removedSuffix))
	if err != nil {
		return fmt.Errorf("looking for unfinished work: %w", err)
	}
	var errs []error
	for _, dir := range removed {
		errs = append(errs, atomicfile.RemoveAll(dir))
	}
	downloads, err := filepath.Glob(filepath.Join(s.dir, fetchPrefix+"*"))
	if err != nil {
		return fmt.Errorf("looking for unfinished work: %w", err)
	}
	for _, dir := range downloads {
		errs = append(errs, s.removeDownload(dir))
	}
	return errors.Join(errs...)
}

// removeDownload removes what was downloaded, unless a process that goes on with it holds its lock.
func (s *Store) removeDownload(dir string) error {
	lock, err := flock.Try(filepath.Join(s.dir, fetchLockPrefix+strings.TrimPrefix(filepath.Base(dir), fetchPrefix)+".lock"))
	if errors.Is(err, flock.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(atomicfile.RemoveAll(dir), lock.Unlock())
}

// removing is exclusively for a cache that may not exist: then there is no lock, and nothing to
// remove.
func (s *Store) removing(do func() error) error {
	if !exists(s.dir) {
		return do()
	}
	return s.exclusively(do)
}

// find returns the image that a reference names.
func (s *Store) find(reference string) (Entry, error) {
	entries, err := s.List()
	if err != nil {
		return Entry{}, err
	}
	var found []Entry
	for _, entry := range entries {
		if entry.Digest == reference || entry.ID() == reference {
			return entry, nil
		}
		if entry.Name == reference {
			found = append(found, entry)
		}
	}
	switch len(found) {
	case 0:
		return Entry{}, fmt.Errorf("image %s: %w", reference, ErrNotFound)
	case 1:
		return found[0], nil
	}
	ids := make([]string, 0, len(found))
	for _, entry := range found {
		ids = append(ids, entry.ID())
	}
	return Entry{}, fmt.Errorf("%s names %d images: say which one: %s", reference, len(found), strings.Join(ids, ", "))
}

// remove removes an image that nobody uses. One rename takes it out of the cache. A crash after
// that leaves a directory that the next build of its name, or Prune, removes.
func (s *Store) remove(entry Entry) error {
	if len(entry.Users) > 0 {
		return &InUseError{Image: entry.ID(), Users: entry.Users}
	}
	doomed := filepath.Join(s.dir, partialPrefix+entry.Name+"."+entry.ID()+removedSuffix)
	if err := atomicfile.RemoveAll(doomed); err != nil {
		return fmt.Errorf("removing image %s: %w", entry.ID(), err)
	}
	if err := atomicfile.Rename(entry.dir, doomed); err != nil {
		return fmt.Errorf("removing image %s: %w", entry.ID(), err)
	}
	if err := atomicfile.RemoveAll(doomed); err != nil {
		return fmt.Errorf("removing image %s: %w", entry.ID(), err)
	}
	return nil
}
