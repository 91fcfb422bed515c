// SPDX-License-Identifier: Apache-2.0

package property

import (
	"strings"

	"rancherdesktop.io/rdd/internal/levenshtein"
)

// suggestion is the text "did you mean …" with the most similar name; empty when none is similar.
func suggestion(typed string, names []string) string {
	best, distance := "", 0
	for _, name := range names {
		d := likeness(typed, name)
		if d <= len(typed)/3 && (best == "" || d < distance) {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// likeness is the edit distance between what was typed and a name, or its last part if that is
// closer.
func likeness(typed, name string) int {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return min(levenshtein.Distance(typed, name), levenshtein.Distance(typed, last))
}
