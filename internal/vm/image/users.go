// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/regular"
)

// usersDir in an image holds a file for each machine whose disk is a hard link to the image's, or
// refers to it by path as those of older rdd do. It has the path of the machine's directory. A
// record counts as long as that directory exists.
const usersDir = "users"

// InUseError says that an image was not removed because machines use it.
type InUseError struct {
	Image string
	Users []string
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("image %s is in use by %s: its data is that of their disks, too, and stays as long as they exist",
		e.Image, strings.Join(e.Users, ", "))
}

// Forget removes the records of a machine that is deleted.
func (s *Store) Forget(instanceDir string) error {
	instanceDir, err := filepath.Abs(instanceDir)
	if err != nil {
		return fmt.Errorf("giving an image free: %w", err)
	}
	return s.removing(func() error { return s.forget(instanceDir, "") })
}

// Move records that a machine's directory has another path by now.
func (s *Store) Move(from, to string) error {
	from, err := filepath.Abs(from)
	if err == nil {
		to, err = filepath.Abs(to)
	}
	if err != nil {
		return fmt.Errorf("recording who uses an image: %w", err)
	}
	return s.removing(func() error {
		records, err := filepath.Glob(userFile(filepath.Join(s.dir, "*"), from))
		if err != nil {
			return fmt.Errorf("looking for the images of %s: %w", from, err)
		}
		for _, record := range records {
			if err := atomicfile.Write(userFile(filepath.Dir(filepath.Dir(record)), to), []byte(to+"\n"), 0o600); err != nil {
				return fmt.Errorf("recording who uses an image: %w", err)
			}
		}
		return s.forget(from, "")
	})
}

// use records that the machine in directory instanceDir uses the image in dir, and no other one.
func (s *Store) use(dir, instanceDir string) error {
	if err := atomicfile.MkdirAll(filepath.Join(dir, usersDir), 0o700); err != nil {
		return fmt.Errorf("recording who uses an image: %w", err)
	}
	if err := atomicfile.Write(userFile(dir, instanceDir), []byte(instanceDir+"\n"), 0o600); err != nil {
		return fmt.Errorf("recording who uses an image: %w", err)
	}
	return s.forget(instanceDir, dir)
}

// forget removes a machine's records in all images but keep.
func (s *Store) forget(instanceDir, keep string) error {
	records, err := filepath.Glob(userFile(filepath.Join(s.dir, "*"), instanceDir))
	if err != nil {
		return fmt.Errorf("looking for the images of %s: %w", instanceDir, err)
	}
	var errs []error
	for _, record := range records {
		if filepath.Dir(filepath.Dir(record)) != keep {
			errs = append(errs, removeRecord(record))
		}
	}
	return errors.Join(errs...)
}

// removeRecord removes a record of a user, and the directory of the records with the last one.
func removeRecord(path string) error {
	if err := atomicfile.Remove(path); err != nil {
		return fmt.Errorf("giving an image free: %w", err)
	}
	dir := filepath.Dir(path)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return nil //nolint:nilerr // others use it, or it is gone
	}
	if err := atomicfile.Remove(dir); err != nil {
		return fmt.Errorf("giving an image free: %w", err)
	}
	return nil
}

func userFile(imageDir, instanceDir string) string {
	sum := sha256.Sum256([]byte(instanceDir))
	return filepath.Join(imageDir, usersDir, hex.EncodeToString(sum[:8]))
}

// userRecords returns the paths of the records of an image's users.
func userRecords(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, usersDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the users of an image: %w", err)
	}
	var records []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") { // an interrupted write
			records = append(records, filepath.Join(dir, usersDir, entry.Name()))
		}
	}
	return records, nil
}

// readUser returns the directory that a record names. Of one that is damaged, fs.ErrInvalid.
func readUser(record string) (string, error) {
	data, err := regular.ReadFile(record)
	if err != nil {
		return "", fmt.Errorf("reading the users of an image: %w", err)
	}
	user := strings.TrimSpace(string(data))
	if !filepath.IsAbs(user) {
		return "", fmt.Errorf("reading the users of an image: %s is damaged: %w", record, fs.ErrInvalid)
	}
	return user, nil
}

// readUsers returns the machines that use the image in dir and still exist. Whoever a damaged
// record stands for may still exist: the path of the record is returned for it.
func readUsers(dir string) []string {
	records, err := userRecords(dir)
	if err != nil {
		return []string{filepath.Join(dir, usersDir)}
	}
	var users []string
	for _, record := range records {
		switch user, err := readUser(record); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			users = append(users, record)
		case !gone(user):
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// gone reports whether there is no such file. One that cannot be reached may be there.
func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// sweepUsers removes the records of machines that were deleted without a word to the store, as
// older rdd did. Where the other machines of that rdd instance are not there either, their file
// system may not be mounted now.
func sweepUsers(dir string) error {
	records, err := userRecords(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, record := range records {
		user, err := readUser(record)
		if err != nil || !gone(user) {
			continue
		}
		if others, err := os.ReadDir(filepath.Dir(user)); err == nil && len(others) > 0 {
			errs = append(errs, removeRecord(record))
		}
	}
	return errors.Join(errs...)
}
