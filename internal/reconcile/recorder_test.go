// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShorten(t *testing.T) {
	for text, want := range map[string]string{
		"short":                   "short",
		strings.Repeat("x", 1024): strings.Repeat("x", 1024),
		strings.Repeat("x", 1025): strings.Repeat("x", 1021) + "…",
		strings.Repeat("世", 400):  strings.Repeat("世", 340) + "…",
	} {
		if got := shorten(text, maxNote); got != want || len(got) > maxNote || !utf8.ValidString(got) {
			t.Errorf("%d bytes became %d: %q", len(text), len(got), got[max(0, len(got)-8):])
		}
	}
}
