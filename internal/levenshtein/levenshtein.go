// SPDX-License-Identifier: Apache-2.0

// Package levenshtein computes the edit distance of two names, to suggest the one that was meant by
// a misspelled one.
package levenshtein

import "strings"

// Distance returns how many letters to insert, remove or replace to get from one name to the other.
// Upper and lower case are the same.
func Distance(from, to string) int {
	a, b := []rune(strings.ToLower(from)), []rune(strings.ToLower(to))
	// Of the table of distances between the beginnings of both, only one row is kept.
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
