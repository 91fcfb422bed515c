// SPDX-License-Identifier: Apache-2.0

package property

import "strings"

// suggestion asks whether one of names was meant; empty when none is like what was typed.
func suggestion(typed string, names []string) string {
	best, distance := "", 0
	for _, name := range names {
		d := likeness(typed, name)
		if d <= len(typed)/3 && (best == "" || d < distance) {
			best, distance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// likeness is how many letters are different, not counting capitals; the last word of a name may stand for it.
func likeness(typed, name string) int {
	typed, name = strings.ToLower(typed), strings.ToLower(name)
	last := name[strings.LastIndexByte(name, '.')+1:]
	return min(edits([]rune(typed), []rune(name)), edits([]rune(typed), []rune(last)))
}

// edits is the number of letters to insert, remove or replace to make one word of the other.
func edits(from, to []rune) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, letter := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, other := range to {
			replaced := diagonal
			if letter != other {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, replaced)
		}
	}
	return row[len(to)]
}
