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

// dirPrefix of service and log directories; the instance's name follows.
const dirPrefix = "rancher-desktop-"

// List returns the names of the current user's instances that were created, in alphabetical order.
func List() ([]string, error) {
	_, dirs, err := userDirs()
	if err != nil {
		return nil, err
	}
	found, err := instanceDirs(dirs.data, dirPrefix, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, dir := range found {
		name := strings.TrimPrefix(filepath.Base(dir), dirPrefix)
		inst, err := Resolve(name)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(inst.ArgsFile()); err == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// AllDirs returns the directories of all of this user's instances that there are now, and the cache
// they share.
func AllDirs() ([]string, error) {
	home, dirs, err := userDirs()
	if err != nil {
		return nil, err
	}
	all := []string{filepath.Join(dirs.cache, "rancher-desktop")}
	for _, place := range []struct{ parent, prefix, marker string }{
		{dirs.data, dirPrefix, ""},
		{dirs.logs, dirPrefix, ""},
		// Others' names may begin with .rd as well; MakeDirs puts lima in each of ours.
		{home, ".rd", "lima"},
	} {
		found, err := instanceDirs(place.parent, place.prefix, place.marker)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// userDirs returns the current user's home, and where the platform wants directories.
func userDirs() (home string, dirs baseDirs, err error) {
	if home, err = os.UserHomeDir(); err != nil {
		return "", baseDirs{}, fmt.Errorf("finding the home directory: %w", err)
	}
	dirs, err = platformDirs(home)
	return home, dirs, err
}

// instanceDirs returns the directories in parent that are called prefix and an instance's name, and
// in which there is marker, in alphabetical order.
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
