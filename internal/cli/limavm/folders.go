// SPDX-License-Identifier: Apache-2.0

package limavm

import (
	"cmp"
	"os"
	"path/filepath"
)

// templateFolders are where `template:NAME` is looked for: the folders of LIMA_TEMPLATES_PATH, or
// else those in which Lima itself finds its templates.
func templateFolders() []string {
	if given := os.Getenv("LIMA_TEMPLATES_PATH"); given != "" {
		return filepath.SplitList(given)
	}
	var folders []string
	lima := os.Getenv("LIMA_HOME")
	if home, err := os.UserHomeDir(); err == nil {
		lima = cmp.Or(lima, filepath.Join(home, ".lima"))
	}
	if lima != "" {
		folders = append(folders, filepath.Join(lima, "_templates"))
	}
	for _, prefix := range []string{"/usr/local", "/opt/homebrew", "/usr"} {
		folders = append(folders, filepath.Join(prefix, "share", "lima", "templates"))
	}
	return folders
}
