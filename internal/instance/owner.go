// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// OwnerError says that rdd makes nothing in a directory, because that is in the home of another
// user, who could not use or remove it.
type OwnerError struct {
	// Dir is the directory, which exists, and UID its owner.
	Dir string
	UID int
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("%s belongs to %s, and this is %s: what rdd makes there %s could not use or remove; "+
		"run rdd as that user (sudo -iu %[4]s), or with HOME and XDG_* of one's own; to insist: rdd --as-root …",
		e.Dir, nameOf(e.UID), nameOf(os.Geteuid()), userName(e.UID))
}

// CheckOwners returns an *OwnerError when the home directory, or the one in which one of the
// instance's is made, belongs to another user than this process's and root. It makes nothing.
func (i Instance) CheckOwners() error {
	if i.AsRoot {
		return nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return fmt.Errorf("finding the home directory: %w", err)
	}
	for _, dir := range []string{home, filepath.Dir(i.Dir), filepath.Dir(i.LogDir), filepath.Dir(i.ShortDir), filepath.Dir(i.CacheDir)} {
		if err := CheckOwner(dir); err != nil {
			return err
		}
	}
	return nil
}

// CheckOwner returns an *OwnerError when a directory, or the one in which it would be made, belongs
// to another user than this process's and root.
func CheckOwner(dir string) error {
	for {
		info, err := os.Stat(dir)
		switch parent := filepath.Dir(dir); {
		case err == nil:
			if uid := owner(info); uid != os.Geteuid() && uid != 0 {
				return &OwnerError{Dir: dir, UID: uid}
			}
			return nil
		case parent == dir || !errors.Is(err, fs.ErrNotExist):
			return nil // whoever makes it finds out
		default:
			dir = parent
		}
	}
}

// Remedy says how to get back the directory in the home of this user that belongs to another one,
// and so keeps err's operation from being permitted. It is empty for any other error.
func Remedy(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case !errors.Is(err, fs.ErrPermission):
		return ""
	case errors.As(err, &path):
		return remedy(path.Path)
	case errors.As(err, &link):
		return remedy(link.New)
	default:
		return ""
	}
}

// remedy names the highest directory or file on the way from the home to path that belongs to
// another user, and the command that gives it to this one.
func remedy(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	foreign, uid := "", 0
	for ; strings.HasPrefix(path, home+string(filepath.Separator)); path = filepath.Dir(path) {
		if info, err := os.Stat(path); err == nil && owner(info) != os.Geteuid() {
			foreign, uid = path, owner(info)
		}
	}
	if foreign == "" {
		return ""
	}
	foreign = real(foreign)
	return fmt.Sprintf("%s belongs to %s; to make it yours: sudo chown -R %d:%d '%[1]s'", foreign, nameOf(uid), os.Geteuid(), os.Getegid())
}

// nameOf names a user with the uid.
func nameOf(uid int) string { return fmt.Sprintf("%s (uid %d)", userName(uid), uid) }

func userName(uid int) string {
	found, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "#" + strconv.Itoa(uid)
	}
	return found.Username
}

// UserName is the name of this process's user; empty for one that the system has no name for, as in
// a container that runs with another uid.
func UserName() string {
	current, err := user.Current()
	if err != nil {
		return ""
	}
	return current.Username
}
