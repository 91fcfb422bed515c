// SPDX-License-Identifier: Apache-2.0

package textfile

import (
	"regexp"
	"strings"
)

// escapes are the escape sequences of terminals (ECMA-48): control sequences, strings, and those of
// one letter.
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])`)

// Printable returns text without escape sequences and control characters. Line ends and tabs stay.
// It is for what guests print, before it is shown in somebody's terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r == 0x7f) {
			return -1
		}
		return r
	}, escapes.ReplaceAllString(text, ""))
}
