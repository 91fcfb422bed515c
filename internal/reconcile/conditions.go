// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxMessage is the limit of a condition's message in the CRDs, in characters.
const maxMessage = 32768

// ellipsis is the end of a truncated message.
const ellipsis = "…"

// Truncate cuts a message to the length that a condition may have: 32768 characters, not bytes. It
// replaces invalid UTF-8, which the API would refuse.
func Truncate(message string) string {
	if len(message) <= maxMessage && utf8.ValidString(message) {
		return message
	}
	runes := []rune(message)
	if len(runes) > maxMessage {
		return string(runes[:maxMessage-1]) + ellipsis
	}
	return string(runes)
}

// SetCondition sets a condition in a list. The transition time becomes now if the condition's
// status is new, and is kept otherwise. The message is truncated.
func SetCondition(conditions *[]metav1.Condition, now metav1.Time, c metav1.Condition) {
	c.Message = Truncate(c.Message)
	c.LastTransitionTime = now.Rfc3339Copy()
	i := slices.IndexFunc(*conditions, func(old metav1.Condition) bool { return old.Type == c.Type })
	if i < 0 {
		*conditions = append(*conditions, c)
		return
	}
	if old := (*conditions)[i]; old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}
	(*conditions)[i] = c
}

// MirrorCondition copies a condition of another object into a list, with its transition time.
// generation, of the object that has the list, becomes the observed generation. If the other object
// does not have the condition, it is removed from the list.
//
// meta.SetStatusCondition keeps the old transition time when the status is equal. A condition that
// has changed twice between two passes would keep an outdated time.
func MirrorCondition(conditions *[]metav1.Condition, from []metav1.Condition, conditionType string, generation int64) {
	others := slices.DeleteFunc(slices.Clone(*conditions), func(c metav1.Condition) bool { return c.Type == conditionType })
	if found := meta.FindStatusCondition(from, conditionType); found != nil {
		mirrored := *found
		mirrored.ObservedGeneration = generation
		mirrored.Message = Truncate(mirrored.Message)
		others = append(others, mirrored)
	}
	*conditions = others
}

// OwnConditions returns the conditions of the given types, sorted by type.
func OwnConditions(conditions []metav1.Condition, types ...string) []metav1.Condition {
	var own []metav1.Condition
	for _, t := range slices.Sorted(slices.Values(types)) {
		if c := meta.FindStatusCondition(conditions, t); c != nil {
			own = append(own, *c)
		}
	}
	return own
}
