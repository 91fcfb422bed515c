// SPDX-License-Identifier: Apache-2.0

// Package crds embeds the CustomResourceDefinitions that controller-gen makes
// from the API types.
package crds

import "embed"

// Files holds one YAML file per CustomResourceDefinition.
//
//go:embed *.yaml
var Files embed.FS
