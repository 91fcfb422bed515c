// SPDX-License-Identifier: Apache-2.0

// Package version knows which build of rdd this is.
package version

import (
	"runtime/debug"
	"strings"
)

// Version is set by the linker (-X rancherdesktop.io/rdd/internal/version.Version=v1.2.3) and never changes after.
var Version string

// development is the version of a build that nobody named: older than every release.
const development = "v0.0.0-dev"

// Get returns the version of this program, a semantic version with a leading v when the build was done properly.
func Get() string {
	if Version != "" {
		return Version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return development
	}
	if strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version // `go install module@version`, or a build with the repository's data
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return development + "+" + setting.Value
		}
	}
	return development
}
