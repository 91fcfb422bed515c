// SPDX-License-Identifier: Apache-2.0

package template

import (
	"maps"
	"slices"
)

// Variables are the environment variables of scripts, as "NAME=VALUE": those of env, and each
// parameter as PARAM_NAME, which wins.
func (t *Template) Variables() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		all = append(all, name+"="+t.Env[name])
	}
	for _, name := range slices.Sorted(maps.Keys(t.Param)) {
		all = append(all, "PARAM_"+name+"="+t.Param[name])
	}
	return all
}
