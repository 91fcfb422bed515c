// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"rancherdesktop.io/rdd/internal/atomicfile"
	"rancherdesktop.io/rdd/internal/flock"
)

// knownName is the file in the short hidden parent that lists all hidden parents ever used. With
// other XDG_* variables an instance has others than those of this process.
const knownName = "parents.json"

// Hidden returns all directories that no guest may see: the hidden parents, which it makes where
// they do not exist, and those of AllDirs. Parents that a running guest would see are not made.
func Hidden() ([]string, error) {
	all, err := AllDirs()
	if err != nil || runtime.GOOS != "linux" {
		return all, err
	}
	home, dirs, err := userDirs()
	if err != nil {
		return nil, err
	}
	short := filepath.Join(home, shortParent)
	parents := []string{short, filepath.Join(dirs.data, longParent), filepath.Join(dirs.logs, longParent)}
	if parents, err = makeParents(parents); err != nil {
		return nil, fmt.Errorf("making a directory that guests do not see: %w", err)
	}
	if slices.Contains(parents, short) {
		if parents, err = remember(short, parents); err != nil {
			return nil, err
		}
	}
	for _, parent := range parents {
		// Directories that could not be moved are beside their parent.
		plain, err := instanceDirs(filepath.Dir(parent), dirPrefix, "")
		if err != nil {
			return nil, err
		}
		all = append(append(append(all, parent), plain...), recordedShort(plain)...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// makeParents makes parents, and returns those that exist.
func makeParents(parents []string) ([]string, error) {
	guests, err := runningGuests()
	if err != nil {
		return nil, err
	}
	var made []string
	for _, parent := range parents {
		seen, err := seenBy(guests, parent)
		if err != nil {
			return nil, err
		}
		if seen == nil {
			if err := os.MkdirAll(parent, 0o700); err != nil {
				return nil, err
			}
		}
		if isDir(parent) {
			made = append(made, parent)
		}
	}
	return made, nil
}

// remember adds this instance's hidden parents to the known ones.
func (i Instance) remember() error {
	var parents []string
	for _, p := range i.places() {
		if p.parent != "" && isDir(p.parent) {
			parents = append(parents, p.parent)
		}
	}
	home, err := os.UserHomeDir()
	if err != nil || len(parents) == 0 {
		return err
	}
	short := filepath.Join(home, shortParent)
	made, err := makeParents([]string{short})
	if err != nil || len(made) == 0 {
		return err
	}
	_, err = remember(short, parents)
	return err
}

// remember adds parents to the known ones, which are in the short parent, and returns all.
func remember(short string, parents []string) ([]string, error) {
	known, err := addKnown(short, parents)
	if err != nil {
		return nil, fmt.Errorf("listing the directories that guests do not see: %w", err)
	}
	return known, nil
}

func addKnown(short string, parents []string) (known []string, err error) {
	lock, err := flock.Wait(context.Background(), filepath.Join(short, lockName))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	path := filepath.Join(short, knownName)
	known = readKnown(path)
	all := slices.Concat(known, parents)
	slices.Sort(all)
	if all = slices.Compact(all); slices.Equal(all, known) {
		return all, nil
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	return all, atomicfile.Write(path, append(data, '\n'), 0o600)
}

// readKnown returns the known parents. A damaged list has none: each is added again by the next
// command of an instance in it.
func readKnown(path string) []string {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var known []string
	if json.Unmarshal(data, &known) != nil {
		return nil
	}
	return slices.DeleteFunc(known, func(dir string) bool { return !filepath.IsAbs(dir) })
}
