// SPDX-License-Identifier: Apache-2.0

package vmdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rancherdesktop.io/rdd/internal/atomicfile"
)

// asideDir in LIMA_HOME holds the directories that were set aside. It is no instance: a DNS label
// has no underscore.
const asideDir = "_damaged"

// asideTime is the form of the time after the name of a directory that was set aside.
const asideTime = "20060102T150405Z"

// AsideDir is where SetAside moves directories.
func (h Home) AsideDir() string { return filepath.Join(string(h), asideDir) }

// SetAside moves the directory of an instance, with its disk, to AsideDir/NAME-TIME, and returns
// that path. No process may use it any more.
func (h Home) SetAside(name string) (string, error) {
	if err := os.MkdirAll(h.AsideDir(), 0o700); err != nil {
		return "", fmt.Errorf("setting instance %s aside: %w", name, err)
	}
	target := filepath.Join(h.AsideDir(), name+"-"+time.Now().UTC().Format(asideTime))
	path := target
	for number := 2; ; number++ {
		err := atomicfile.Claim(filepath.Join(string(h), name), path)
		if err == nil {
			return path, atomicfile.SyncDir(string(h))
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("setting instance %s aside: %w", name, err)
		}
		path = fmt.Sprintf("%s-%d", target, number)
	}
}

// Aside lists the paths of the directories that were set aside.
func (h Home) Aside() ([]string, error) {
	entries, err := os.ReadDir(h.AsideDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing what was set aside: %w", err)
	}
	var paths []string
	for _, entry := range entries {
		paths = append(paths, filepath.Join(h.AsideDir(), entry.Name()))
	}
	return paths, nil
}
