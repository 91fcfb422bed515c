// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import (
	"errors"
	"os/exec"
)

// Mount is a change to what a process sees of the file system; see the Linux variant.
type Mount struct {
	Source string   `json:"source,omitempty"`
	Target string   `json:"target"`
	Dirs   []string `json:"dirs,omitempty"`
}

func separate(*exec.Cmd, Command) error { return errors.ErrUnsupported }

// MountPrivately is for Linux: it returns errors.ErrUnsupported.
func MountPrivately([]Mount, []string, []string) error { return errors.ErrUnsupported }

// NamespaceRefused reports whether err says that there are no namespaces here.
func NamespaceRefused(err error) bool { return errors.Is(err, errors.ErrUnsupported) }

// MountAliases returns the path itself: bind mounts are for Linux.
func MountAliases(path string) ([]string, error) { return []string{path}, nil }

// OwnWithArgument finds nothing: it is for Linux.
func OwnWithArgument(string) ([]int, error) { return nil, nil }

// OwnMatching finds nothing: it is for Linux.
func OwnMatching(func([]string) bool) ([]int, error) { return nil, nil }

// Reaches is for Linux: it returns errors.ErrUnsupported.
func Reaches(int, string) (bool, error) { return false, errors.ErrUnsupported }
