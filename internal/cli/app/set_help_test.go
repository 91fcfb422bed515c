// SPDX-License-Identifier: Apache-2.0

package app

import "testing"

func TestHelpLinesAreShort(t *testing.T) {
	if got := wrap("one two  three", 7); len(got) != 2 || got[0] != "one two" || got[1] != "three" {
		t.Errorf("got %q", got)
	}
	if got := firstSentence("memory of it; absent means 2. Not more."); got != "memory of it" {
		t.Errorf("got %q", got)
	}
}
