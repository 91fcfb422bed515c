// SPDX-License-Identifier: Apache-2.0

package session

import "strings"

// ShellQuote makes a line that a POSIX shell splits into exactly words.
func ShellQuote(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
