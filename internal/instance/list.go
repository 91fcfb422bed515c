// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// dirPrefix is the prefix of service and log directories. The instance's name follows it.
const dirPrefix = "rancher-desktop-"

// shortPrefix is the prefix of short directories.
const shortPrefix = ".rd"

// List returns the names of the current user's instances, in alphabetical order. An instance exists
// once its ArgsFile does.
func List() ([]string, error) {
	_, dirs, err := userDirs()
	if err != nil {
		return nil, err
	}
	found, err := instanceDirs(dirs.data, dirPrefix, "")
	if err != nil {
		return nil, err
	}
	// Those to which somebody has removed the link: see Relink.
	hidden, err := instanceDirs(filepath.Join(dirs.data, longParent), "", "")
	if err != nil {
		return nil, err
	}
	var names []string
	add := func(dir, name string) {
		if _, err := os.Stat((Instance{Dir: dir}).ArgsFile()); err == nil {
			names = append(names, name)
		}
	}
	for _, dir := range found {
		add(dir, strings.TrimPrefix(filepath.Base(dir), dirPrefix))
	}
	for _, dir := range hidden {
		add(dir, filepath.Base(dir))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// AllDirs returns the existing directories of all of the current user's instances, and the cache
// that they share, sorted. Directories of instances that are not complete are among them.
func AllDirs() ([]string, error) {
	home, dirs, err := userDirs()
	if err != nil {
		return nil, err
	}
	all := []string{filepath.Join(dirs.cache, "rancher-desktop")}
	for _, place := range []struct{ parent, prefix, marker string }{
		{dirs.data, dirPrefix, ""},
		{dirs.logs, dirPrefix, ""},
		// Directories of other programs may begin with .rd too. MakeDirs creates lima in each of rdd's.
		{home, shortPrefix, "lima"},
	} {
		found, err := instanceDirs(place.parent, place.prefix, place.marker)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		all = append(all, recordedShort(found)...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// userDirs returns the current user's home, and the platform's directories in it.
func userDirs() (home string, dirs baseDirs, err error) {
	if home, err = os.UserHomeDir(); err != nil {
		return "", baseDirs{}, fmt.Errorf("finding the home directory: %w", err)
	}
	dirs, err = platformDirs(home)
	return home, dirs, err
}

// instanceDirs returns the directories in parent whose names are prefix and an instance's name, in
// alphabetical order. marker is a directory that must exist in each; empty requires none.
func instanceDirs(parent, prefix, marker string) ([]string, error) {
	entries, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for rdd's directories: %w", err)
	}
	var found []string
	for _, entry := range entries {
		name, ok := strings.CutPrefix(entry.Name(), prefix)
		if !ok || !namePattern.MatchString(name) {
			continue
		}
		dir := filepath.Join(parent, entry.Name())
		if info, err := os.Stat(filepath.Join(dir, marker)); err == nil && info.IsDir() {
			found = append(found, dir)
		}
	}
	return found, nil
}
