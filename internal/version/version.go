// SPDX-License-Identifier: Apache-2.0

// Package version identifies builds of rdd, and decides which of two builds is the newer one.
// Builds without a release tag are ordered by the time of their commit. Changed builds of one
// commit are ordered by when they were linked.
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

// development is the version of a build without a release tag. It is older than every release.
const development = "v0.0.0-dev"

var (
	semantic  = regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	described = regexp.MustCompile(`^v(\d+)\.(\d+)\.(\d+)-(\d+)-g([0-9a-f]+)(-dirty)?$`)
	commit    = regexp.MustCompile(`^[0-9a-f]{7,40}(-dirty)?$`)
)

// Get returns the version of this program: a semantic version with a leading v. Build.Compare
// orders builds.
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

// Normalize returns a semantic version for the output of `git describe`, or for a version that the
// Go tool has stamped. Commits after a release are newer than it: v1.2.3-4-gabcdef0 becomes
// v1.2.4-0.dev.4+abcdef0. Text that is neither becomes v0.0.0-dev.
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
