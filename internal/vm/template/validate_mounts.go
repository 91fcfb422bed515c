// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"slices"
	"strings"
)

var (
	// systemDirs of a guest can contain mount points and cannot be one: Lima's list with /boot, /lib*
	// and /run.
	systemDirs = []string{"/", "/bin", "/boot", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt", "/run", "/sbin", "/tmp", "/usr", "/var"}
	// kernelDirs are file systems of the kernel: nothing below them can be a mount point either.
	kernelDirs = []string{"/dev", "/proc", "/sys"}
)

// validateMounts checks mounts after Expand.
func (t *Template) validateMounts(values Values) error {
	taken := map[string]int{}
	for i, m := range t.Mounts {
		at := fmt.Sprintf("mounts[%d]", i)
		if err := m.validate(at, values); err != nil {
			return err
		}
		if other, ok := taken[m.MountPoint]; ok {
			return invalid(at+".mountPoint", "must not be `%s`, which mounts[%d] has already", m.MountPoint, other)
		}
		taken[m.MountPoint] = i
	}
	return nil
}

func (m Mount) validate(at string, values Values) error {
	if m.Location == "" {
		return invalid(at+".location", "must be given: the host's directory")
	}
	if err := validateAbsolute(at+".location", m.Location); err != nil {
		return err
	}
	if err := validateAbsolute(at+".mountPoint", m.MountPoint); err != nil {
		return err
	}
	if !CanMount(m.MountPoint) {
		return invalid(at+".mountPoint", "must not be `%s`, a system directory of the guest", m.MountPoint)
	}
	if m.MountPoint == values.Guest.Home {
		return invalid(at+".mountPoint", "must not be `%s`, the home of the guest's own user", m.MountPoint)
	}
	return nil
}

// CanMount reports whether a directory can be mounted on a path of the guest, which is absolute and
// clean.
func CanMount(p string) bool {
	return !slices.Contains(systemDirs, p) && !slices.ContainsFunc(kernelDirs, func(dir string) bool { return within(dir, p) })
}

// within reports whether p is dir or below it; both are clean.
func within(dir, p string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
