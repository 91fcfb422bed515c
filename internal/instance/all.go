// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// AllDirs returns the directories of all of this user's instances that there are now, and the cache they share.
func AllDirs() ([]string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("finding the home directory: %w", err)
	}
	dirs, err := platformDirs(home)
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

// instanceDirs returns the directories in parent that are called prefix and an instance's name, and in which there is marker.
func instanceDirs(parent, prefix, marker string) ([]string, error) {
	entries, err := os.ReadDir(parent)
	if os.IsNotExist(err) {
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
