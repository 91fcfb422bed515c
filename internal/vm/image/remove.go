// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
)

// removedSuffix of an image's directory that is being removed.
const removedSuffix = ".removed"

// Remove removes the image of a reference: a name that only one image has, the name of its
// directory, or its digest. It returns what it removed. *InUseError, ErrNotFound.
func (s *Store) Remove(reference string) (Entry, error) {
	var removed Entry
	err := s.removing(func() error {
		entry, err := s.find(reference)
		if err != nil {
			return err
		}
		if err := sweepUsers(entry.dir); err != nil {
			return err
		}
		removed = entry
		return s.remove(entry)
	})
	return removed, err
}

// Pruned is what Prune has removed.
type Pruned struct {
	Images []Entry
	// Freed is the space that became free, in bytes. Disks that machines share are no part of it.
	Freed int64
}

// Prune removes the images that no machine uses and that are outdated or superseded; with all,
// current and damaged ones too. Downloads that broke off, and that nobody goes on with now, are
// removed as well. What it returns was removed also where there is an error.
func (s *Store) Prune(all bool) (Pruned, error) {
	var pruned Pruned
	err := s.removing(func() error {
		entries, err := s.List()
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := sweepUsers(entry.dir); err != nil {
				return err
			}
			if len(entry.Users) > 0 || (entry.Current || entry.Damage != "") && !all {
				continue
			}
			_, frees := usage(entry.dir)
			if err := s.remove(entry); err != nil {
				return err
			}
			pruned.Images = append(pruned.Images, entry)
			pruned.Freed += frees
		}
		return nil
	})
	freed, unfinishedErr := s.removeUnfinished()
	pruned.Freed += freed
	return pruned, errors.Join(err, unfinishedErr)
}

// removeUnfinished removes downloads that nobody works on, and what is left of images whose removal
// was interrupted. It returns how much space became free, in bytes.
func (s *Store) removeUnfinished() (freed int64, err error) {
	removed, err := filepath.Glob(filepath.Join(s.dir, partialPrefix+"*"+removedSuffix))
	if err != nil {
		return 0, fmt.Errorf("looking for unfinished work: %w", err)
	}
	downloads, err := filepath.Glob(filepath.Join(s.dir, fetchPrefix+"*"))
	if err != nil {
		return 0, fmt.Errorf("looking for unfinished work: %w", err)
	}
	var errs []error
	for _, dir := range removed {
		_, frees := usage(dir)
		freed += frees
		errs = append(errs, atomicfile.RemoveAll(dir))
	}
	for _, dir := range downloads {
		frees, err := s.removeDownload(dir)
		freed += frees
		errs = append(errs, err)
	}
	return freed, errors.Join(errs...)
}

// removeDownload removes what was downloaded, unless a process that goes on with it holds its lock.
func (s *Store) removeDownload(dir string) (freed int64, err error) {
	lock, err := flock.Try(filepath.Join(s.dir, fetchLockPrefix+strings.TrimPrefix(filepath.Base(dir), fetchPrefix)+".lock"))
	if errors.Is(err, flock.ErrLocked) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	_, freed = usage(dir)
	return freed, errors.Join(atomicfile.RemoveAll(dir), lock.Unlock())
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
