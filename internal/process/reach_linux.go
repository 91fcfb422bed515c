// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// OwnWithArgument returns the PIDs of this user's processes that were started with the argument
// arg. A process that ends meanwhile may be among them or not.
func OwnWithArgument(arg string) ([]int, error) {
	return OwnMatching(func(args []string) bool { return slices.Contains(args, arg) })
}

// OwnMatching returns the PIDs of this user's processes whose command line matches, likewise.
func OwnMatching(match func(args []string) bool) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		info, err := entry.Info()
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue // another user's, or ended
		}
		args, err := CommandLine(pid)
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if match(args) {
			found = append(found, pid)
		}
	}
	return found, nil
}

// Reaches reports whether a process can reach the directory dir of this host through a directory
// that it has open. It follows the mounts that the process sees, also those that are no longer in
// its table of mounts because the host has removed their mount points. A process that has ended
// reaches nothing.
func Reaches(pid int, dir string) (bool, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false, fmt.Errorf("finding a directory: %w", err)
	}
	want, err := os.Stat(real)
	if err != nil {
		return false, fmt.Errorf("finding a directory: %w", err)
	}
	paths, err := MountAliases(real)
	if err != nil {
		return false, err
	}
	open, err := openDirectories(pid)
	if err != nil {
		return false, err
	}
	for _, root := range open {
		for _, end := range ends(paths) {
			if got, err := os.Stat(root + end); err == nil && os.SameFile(got, want) {
				return true, nil
			}
		}
	}
	return false, nil
}

// openDirectories returns paths of /proc that lead to the directories that a process has open.
func openDirectories(pid int) ([]string, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking at the open directories of process %d: %w", pid, err)
	}
	var open []string
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			open = append(open, path)
		}
	}
	return open, nil
}

// ends returns all ends of absolute paths: of /a/b these are "", "/b" and "/a/b".
func ends(paths []string) []string {
	all := []string{""}
	for _, path := range paths {
		for i := strings.LastIndex(path, "/"); i >= 0; i = strings.LastIndex(path[:i], "/") {
			all = append(all, path[i:])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
