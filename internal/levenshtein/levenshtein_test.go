// SPDX-License-Identifier: Apache-2.0

package levenshtein

import "testing"

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "cpus", 4},
		{"cpus", "cpus", 0},
		{"cpus", "CPUs", 0},
		{"cpu", "cpus", 1},
		{"cpus", "cups", 2},
		{"memory", "memori", 1},
		{"kitten", "sitting", 3},
		{"flaw", "lawn", 2},
		{"größe", "grösse", 2},
		{"disk", "mounts", 6},
	} {
		if got, back := Distance(tc.a, tc.b), Distance(tc.b, tc.a); got != tc.want || back != tc.want {
			t.Errorf("%q and %q: got %d, and %d the other way; want %d", tc.a, tc.b, got, back, tc.want)
		}
	}
}
