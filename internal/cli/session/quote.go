// SPDX-License-Identifier: Apache-2.0

package session

import "strings"

// ShellQuote quotes value for a POSIX shell.
func ShellQuote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }
