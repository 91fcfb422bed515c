// SPDX-License-Identifier: Apache-2.0

package shellquote

import "testing"

func TestLine(t *testing.T) {
	for want, words := range map[string][]string{
		"":                 nil,
		`''`:               {""},
		`'a' 'b c'`:        {"a", "b c"},
		`'it'\''s' '$x\n'`: {"it's", `$x\n`},
		"'a\nb' '-n' '\"'": {"a\nb", "-n", `"`},
	} {
		if got := Line(words...); got != want {
			t.Errorf("%q: got %s, want %s", words, got, want)
		}
	}
}
