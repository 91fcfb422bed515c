// SPDX-License-Identifier: Apache-2.0

package levenshtein

import (
	"cmp"
	"slices"
	"strings"
)

// most is how many names Similar returns at most.
const most = 3

// Similar returns the names that a typed one may mean: those that differ least from it, up to three
// in order of the names. A name that begins with what was typed, and one with two letters in the
// wrong order, count as one letter away. It is nil when no name is similar.
func Similar(typed string, names []string) []string {
	return SimilarBy(typed, names, Likeness)
}

// SimilarBy is Similar with another measure of the difference of two names.
func SimilarBy(typed string, names []string, likeness func(typed, name string) int) []string {
	var found []string
	best := limit(typed)
	for _, name := range names {
		distance := likeness(typed, name)
		if distance > best {
			continue
		}
		if distance < best {
			best, found = distance, nil
		}
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	slices.SortFunc(found, cmp.Compare)
	return found[:min(len(found), most)]
}

// limit is the largest distance of a name that is still similar to the typed one.
func limit(typed string) int {
	switch letters := len([]rune(typed)); {
	case letters < 2:
		return 0
	case letters < 4:
		return 1
	default:
		return max(2, letters/3)
	}
}

// Likeness is the measure that Similar uses; 0 is the same name but for the case of letters.
func Likeness(typed, name string) int {
	distance := Distance(typed, name)
	if distance <= 1 {
		return distance
	}
	typed, name = strings.ToLower(typed), strings.ToLower(name)
	if len(typed) > 1 && strings.HasPrefix(name, typed) || distance == 2 && sameLetters(typed, name) {
		return 1
	}
	return distance
}

// sameLetters reports whether two names have the same letters in any order.
func sameLetters(a, b string) bool {
	x, y := []rune(a), []rune(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// Hint is the text " (did you mean …?)" with the similar names; empty when no name is similar.
func Hint(typed string, names []string) string { return Question(Similar(typed, names)) }

// Question is the text " (did you mean …?)" with the names; empty without names.
func Question(names []string) string {
	if len(names) == 0 {
		return ""
	}
	last := len(names) - 1
	text := names[last]
	if last > 0 {
		text = strings.Join(names[:last], ", ") + " or " + text
	}
	return " (did you mean " + text + "?)"
}
