// SPDX-License-Identifier: Apache-2.0

// Package crds embeds the CustomResourceDefinitions that controller-gen generates
// from the API types. test/layout checks that they are up to date.
package crds

import "embed"

// Files has one YAML file for each CustomResourceDefinition.
//
//go:embed *.yaml
var Files embed.FS
