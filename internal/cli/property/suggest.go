// SPDX-License-Identifier: Apache-2.0

package property

import (
	"strings"

	"rancherdesktop.io/rdd/internal/levenshtein"
)

// suggestion asks whether one of names was meant; empty when none is like what was typed.
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

// likeness is how many letters are different; the last word of a name may stand for it.
func likeness(typed, name string) int {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return min(levenshtein.Distance(typed, name), levenshtein.Distance(typed, last))
}
