// SPDX-License-Identifier: Apache-2.0

package share

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"rancherdesktop.io/rdd/internal/process"
)

// hidden is what guests must not see or change. Paths are free of symbolic links, and each is there
// once for every mount of the host that shows it.
type hidden struct {
	// covers are the outermost directories to hide, and inside the names of those in them that links
	// lead to.
	covers []string
	inside map[string][]string
	// links lead to rdd's own directories. A guest that could replace one would choose where rdd
	// writes.
	links []string
}

// hide finds out how rdd's own directories can be reached. One that does not exist cannot be.
func hide(private []string) (hidden, error) {
	h := hidden{inside: map[string][]string{}}
	var dirs, targets []string
	for _, dir := range private {
		found, err := aliases(dir)
		if err != nil {
			return hidden{}, err
		}
		dirs = append(dirs, found...)
		links, err := linkAliases(dir)
		if err != nil {
			return hidden{}, err
		}
		if h.links = append(h.links, links...); links != nil {
			targets = append(targets, found...)
		}
	}
	h.covers = outermost(dirs)
	slices.Sort(targets)
	for _, target := range slices.Compact(targets) {
		if parent := filepath.Dir(target); slices.Contains(h.covers, parent) {
			h.inside[parent] = append(h.inside[parent], filepath.Base(target))
		}
	}
	slices.Sort(h.links)
	h.links = slices.Compact(h.links)
	return h, nil
}

// aliases returns the paths, free of symbolic links, by which a directory can be reached; none if
// it does not exist.
func aliases(dir string) ([]string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("finding rdd's own directory: %w", err)
	}
	paths, err := process.MountAliases(real)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, path := range paths {
		if same, err := sameEntry(path, real); err != nil {
			return nil, err
		} else if same {
			all = append(all, path)
		}
	}
	return all, nil
}

// linkAliases returns the paths by which the symbolic link at path can be reached; none if it is no
// link.
func linkAliases(path string) ([]string, error) {
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return nil, nil //nolint:nilerr // what is not there is no link
	}
	dirs, err := aliases(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, dir := range dirs {
		all = append(all, filepath.Join(dir, filepath.Base(path)))
	}
	return all, nil
}

// sameEntry reports whether an alias is dir, and not covered by another mount.
func sameEntry(alias, dir string) (bool, error) {
	want, err := os.Stat(dir)
	if err != nil {
		return false, fmt.Errorf("finding rdd's own directory: %w", err)
	}
	got, err := os.Stat(alias)
	return err == nil && os.SameFile(got, want), nil //nolint:nilerr // nobody can reach it by this path
}

// outermost drops the paths that are below others.
func outermost(paths []string) []string {
	slices.Sort(paths)
	var kept []string
	for _, path := range paths {
		if !slices.ContainsFunc(kept, func(outer string) bool { return within(path, outer) }) {
			kept = append(kept, path)
		}
	}
	return kept
}
