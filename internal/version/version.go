// SPDX-License-Identifier: Apache-2.0

// Package version knows which build of rdd this is.
package version

import (
	"fmt"
	"regexp"
	"runtime/debug"
	"strconv"
)

// Version is set by the linker (-X rancherdesktop.io/rdd/internal/version.Version=…) to what
// `git describe` says, and never changes after.
var Version string

// development is the version of a build that nobody named: older than every release.
const development = "v0.0.0-dev"

var (
	semantic  = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	described = regexp.MustCompile(`^v(\d+)\.(\d+)\.(\d+)-(\d+)-g([0-9a-f]+)(-dirty)?$`)
	commit    = regexp.MustCompile(`^[0-9a-f]{7,40}(-dirty)?$`)
)

// Get returns the version of this program: a semantic version with a leading v, which orders builds
// by age as far as they are known.
func Get() string {
	if Version != "" {
		return Normalize(Version)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return development
	}
	return Normalize(info.Main.Version)
}

// Normalize makes a semantic version of what `git describe` or the Go tool say. Commits after a
// release come after it: v1.2.3-4-gabcdef0 is v1.2.4-0.dev.4+abcdef0.
func Normalize(text string) string {
	if parts := described.FindStringSubmatch(text); parts != nil {
		patch, err := strconv.Atoi(parts[3])
		if err == nil {
			return fmt.Sprintf("v%s.%s.%d-0.dev.%s+%s", parts[1], parts[2], patch+1, parts[4], parts[5])
		}
	}
	if semantic.MatchString(text) {
		return text
	}
	if commit.MatchString(text) {
		return development + "+" + text
	}
	return development
}
