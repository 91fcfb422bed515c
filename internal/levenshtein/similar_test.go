// SPDX-License-Identifier: Apache-2.0

package levenshtein

import "testing"

func TestHint(t *testing.T) {
	commands := []string{"start", "stop", "status", "set", "reset", "delete", "shell", "run", "why", "limavm", "image"}
	for _, tc := range []struct {
		typed, want string
	}{
		{"stat", " (did you mean start or status?)"},
		{"sart", " (did you mean start?)"},
		{"sotp", " (did you mean stop?)"},
		{"urn", " (did you mean run?)"},
		{"rn", " (did you mean run?)"},
		{"SHELL", " (did you mean shell?)"},
		{"lima", " (did you mean limavm?)"},
		{"imgae", " (did you mean image?)"},
		{"dleete", " (did you mean delete?)"},
		{"st", " (did you mean set, start or status?)"},
		{"kubernetes", ""},
		{"new", ""},
		{"x", ""},
		{"", ""},
	} {
		if got := Hint(tc.typed, commands); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.typed, got, tc.want)
		}
	}
}

func TestSimilarNamesEachOnce(t *testing.T) {
	got := Similar("dv", []string{"dev", "dev", "dev2", "dva"})
	if len(got) != 2 || got[0] != "dev" || got[1] != "dva" {
		t.Errorf("got %q", got)
	}
}
