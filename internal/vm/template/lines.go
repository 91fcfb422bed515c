// SPDX-License-Identifier: Apache-2.0

package template

import "strings"

// unixText removes what editors of Windows add to a script: the byte order mark at its beginning
// and the carriage return at the end of each line. With either of them no program is found for the
// `#!` line, and shells read commands of other names.
func unixText(script string) string {
	return strings.ReplaceAll(strings.TrimPrefix(script, "\ufeff"), "\r\n", "\n")
}

// unixProgram does so only with what begins with `#!`. Other files may be for other systems.
func unixProgram(content string) string {
	if text := unixText(content); strings.HasPrefix(text, "#!") {
		return text
	}
	return content
}
