// SPDX-License-Identifier: Apache-2.0

// Package levenshtein tells how unlike two names are, to suggest the one that was meant.
package levenshtein

import "strings"

// Distance returns how many letters to insert, remove or replace to get from one name to the
// other. Capitals and small letters are the same.
func Distance(from, to string) int {
	a, b := []rune(strings.ToLower(from)), []rune(strings.ToLower(to))
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, letter := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, other := range b {
			replaced := diagonal
			if letter != other {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, row[j+1]+1, replaced)
		}
	}
	return row[len(b)]
}
