// SPDX-License-Identifier: Apache-2.0

package session

import "slices"

// Distinct returns each of the words once, in the order of the first ones. NAME… of a command means
// each name once, however often it is given.
func Distinct(words []string) []string {
	var once []string
	for _, word := range words {
		if !slices.Contains(once, word) {
			once = append(once, word)
		}
	}
	return once
}
