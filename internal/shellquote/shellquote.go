// SPDX-License-Identifier: Apache-2.0

// Package shellquote writes words for POSIX shells, those of guests and that of the host.
package shellquote

import "strings"

// Line makes a line that a POSIX shell splits into exactly words.
func Line(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
