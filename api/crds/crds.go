// SPDX-License-Identifier: Apache-2.0

// Package crds embeds the CustomResourceDefinitions that controller-gen generates
// from the API types. test/layout checks that they are up to date.
package crds

import (
	"embed"
	"io/fs"
	"strings"
)

// Files has one YAML file for each CustomResourceDefinition.
//
//go:embed *.yaml
var Files embed.FS

// Names returns the names of the CustomResourceDefinitions: "apps.app.rancherdesktop.io".
// controller-gen names each file after its group and plural.
func Names() []string {
	files, _ := fs.Glob(Files, "*.yaml") // fails only for a malformed pattern
	names := make([]string, 0, len(files))
	for _, file := range files {
		group, plural, _ := strings.Cut(strings.TrimSuffix(file, ".yaml"), "_")
		names = append(names, plural+"."+group)
	}
	return names
}
