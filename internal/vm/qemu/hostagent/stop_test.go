// SPDX-License-Identifier: Apache-2.0

package hostagent

import "testing"

// TestPausedCount: a guest is given up for what was observed since, not for a pause that nobody has
// seen again.
func TestPausedCount(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first int
		seen  []int // at each check
		times int
		goes  int
	}{
		{"it runs", 0, []int{0, 0, 0, 0, 0, 0}, 0, 0},
		{"it stays paused", 0, []int{1, 2, 3, 4, 5}, 5, 0},
		{"it was paused before the stop", 100, []int{101, 102, 103, 104, 105}, 5, 0},
		{"many events within a second", 0, []int{40, 80}, 2, 0},
		{"no observation succeeds", 3, []int{3, 3, 3, 3, 3, 3}, 0, 0},
		{"some observations fail", 0, []int{1, 1, 1, 2, 2, 2}, 2, 0},
		{"it goes on", 0, []int{1, 2, 0, 0, 0}, 0, 1},
		{"it goes on at once", 7, []int{0}, 0, 1},
		{"it goes on and is paused again", 0, []int{1, 2, 0, 1, 2, 3}, 3, 1},
		{"it was paused again between two checks", 0, []int{3, 4, 2, 3}, 1, 1},
	} {
		count, goes := pausedCount{seen: tc.first}, 0
		for _, seen := range tc.seen {
			if count.add(seen) {
				goes++
			}
		}
		if count.times != tc.times || goes != tc.goes {
			t.Errorf("%s: found paused %d times, went on %d times; want %d and %d", tc.name, count.times, goes, tc.times, tc.goes)
		}
	}
}
