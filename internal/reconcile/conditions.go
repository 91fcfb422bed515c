// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"slices"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// maxMessage is the CRDs' limit of a condition's message, in characters.
const maxMessage = 32768

// ellipsis ends a message that was cut.
const ellipsis = "…"

// Truncate cuts a message to what a condition may hold: 32768 characters, not bytes. What is
// no UTF-8 is replaced, because the API would refuse it.
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

// SetCondition puts a condition of one's own into a list: its transition time is now
// when its status is new and kept otherwise, its message is cut to size.
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

// MirrorCondition copies a condition of another object into a list as it is, transition time
// included, under the list's object's generation; a condition that the other object lacks is
// removed.
//
// meta.SetStatusCondition will not do: it keeps the old transition time when the status is equal,
// which loses a change to and fro that was seen as one.
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

// OwnConditions selects conditions by type, sorted by type.
func OwnConditions(conditions []metav1.Condition, types ...string) []metav1.Condition {
	var own []metav1.Condition
	for _, t := range slices.Sorted(slices.Values(types)) {
		if c := meta.FindStatusCondition(conditions, t); c != nil {
			own = append(own, *c)
		}
	}
	return own
}
