// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// dirPrefix of service and log directories; the instance's name follows.
const dirPrefix = "rancher-desktop-"

// List returns the names of the current user's instances that were created, in alphabetical order.
func List() ([]string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("finding the home directory: %w", err)
	}
	dirs, err := platformDirs(home)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dirs.data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for instances: %w", err)
	}
	var names []string
	for _, entry := range entries {
		name, ours := strings.CutPrefix(entry.Name(), dirPrefix)
		if !ours || !namePattern.MatchString(name) {
			continue
		}
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
