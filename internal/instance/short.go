// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// shortVariable names the directory in which short directories are made instead of the home.
const shortVariable = "RDD_SHORT_DIR"

// shortLink is the link in the service directory that leads to a short directory outside the home.
// It is made with the instance, so that later commands need no variable.
const shortLink = "short_dir"

const (
	// maxSocketPath is how many bytes the path of a Unix socket has at most, as on macOS.
	maxSocketPath = 103
	// roomForSocket is what the directory of the App's VM and the name of a socket in it take.
	roomForSocket = len("/app/") + 16
)

// shortParentDir is the directory of short directories: that of RDD_SHORT_DIR, or else the home.
// The variable may also name a short directory in it, as `rdd service paths -o shell` sets it.
func shortParentDir(home string) string {
	dir := os.Getenv(shortVariable)
	if !filepath.IsAbs(dir) {
		return home
	}
	dir = filepath.Clean(dir)
	if name, ok := strings.CutPrefix(filepath.Base(dir), shortPrefix); ok && namePattern.MatchString(name) {
		return filepath.Dir(dir)
	}
	return dir
}

// resolveShort returns the instance's short directory. It is where the instance was made. One in
// the home whose path is too long for sockets holds no VM, so that the variable counts as for a new
// instance.
func (i Instance) resolveShort(home string) string {
	name := shortPrefix + i.Name
	usual := filepath.Join(home, name)
	for _, dir := range []string{i.Dir, i.place(i.Dir, dirPrefix, longParent).real()} {
		if recorded, err := os.Readlink(filepath.Join(dir, shortLink)); err == nil && filepath.IsAbs(recorded) {
			return recorded
		}
		if _, err := os.Stat((Instance{Dir: dir}).ArgsFile()); err == nil && (Instance{ShortDir: usual}).fits() {
			return usual
		}
	}
	return filepath.Join(shortParentDir(home), name)
}

// recordShort makes the link to a short directory outside the home.
func (i Instance) recordShort() error {
	home, err := os.UserHomeDir()
	if err != nil || filepath.Dir(i.ShortDir) == home {
		return err
	}
	if err := os.Symlink(i.ShortDir, filepath.Join(i.Dir, shortLink)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// ShortEnvironment returns the environment variable, and its value, that make a new instance of
// this name have the same short directory. They are empty where it needs none.
func (i Instance) ShortEnvironment() (name, value string) {
	home, err := os.UserHomeDir()
	if err != nil || filepath.Dir(i.ShortDir) == home {
		return "", "" // without a home there is no instance
	}
	return shortVariable, i.ShortDir
}

// recordedShort returns the short directories outside the home of the instances in parent.
func recordedShort(services []string) []string {
	var dirs []string
	for _, service := range services {
		dir, err := os.Readlink(filepath.Join(service, shortLink))
		if err == nil && isDir(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func (i Instance) fits() bool {
	return len(i.DockerSocket()) <= maxSocketPath && len(i.LimaHome())+roomForSocket <= maxSocketPath
}

// CheckSocketPaths returns an error when the short directory is too long a path for the sockets of
// VMs. It says what to do.
func (i Instance) CheckSocketPaths() error {
	if i.fits() {
		return nil
	}
	most := maxSocketPath - roomForSocket - len("/lima") - len(filepath.Base(i.ShortDir)) - 1
	dir := filepath.Dir(i.ShortDir)
	return fmt.Errorf("the path %s has %d bytes, which is too long: the sockets of virtual machines are below it, and the path of a "+
		"Unix socket has at most %d, so that at most %d are left for it; have rdd use a directory of yours with a shorter path, "+
		"on a disk with room for the machines: rdd service stop; export %s=/SHORT/PATH", dir, len(dir), maxSocketPath, most, shortVariable)
}
