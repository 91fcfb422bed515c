// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"cmp"
	"strings"
)

// guestEnvironment returns the part of the host's environment that holds in the guest too: that
// text is UTF-8, and what the terminal can do. The guest need not have the host's locale, but every
// guest has C.UTF-8. get reads a variable of the host's environment.
func guestEnvironment(get func(string) string) map[string]string {
	env := map[string]string{}
	charset := cmp.Or(get("LC_ALL"), get("LC_CTYPE"), get("LANG"))
	if normal := strings.ToLower(strings.ReplaceAll(charset, "-", "")); strings.HasSuffix(normal, ".utf8") {
		env["LANG"] = "C.UTF-8"
	}
	for _, name := range []string{"COLORTERM", "NO_COLOR"} {
		if value := get(name); value != "" {
			env[name] = value
		}
	}
	return env
}
