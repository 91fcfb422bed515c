// SPDX-License-Identifier: Apache-2.0

package property

import (
	"strings"

	"rancherdesktop.io/rdd/internal/levenshtein"
)

// suggestion is the text "did you mean …" with the most similar names; empty when none is similar.
func suggestion(typed string, names []string) string {
	return levenshtein.Question(levenshtein.SimilarBy(typed, names, likeness))
}

// likeness is the difference between what was typed and a name, or its last part if that is closer.
func likeness(typed, name string) int {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return min(levenshtein.Likeness(typed, name), levenshtein.Likeness(typed, last))
}
