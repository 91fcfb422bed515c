// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kinds of entries of a time line.
const (
	KindCondition = "condition"
	KindEvent     = "event"
	KindPhase     = "phase"
	KindConsole   = "console"
)

// Entry is a line of a time line.
type Entry struct {
	Time metav1.Time `json:"time"`
	// Kind says where the entry is from: one of the constants Kind….
	Kind    string `json:"kind"`
	Warning bool   `json:"warning,omitempty"`
	Text    string `json:"text"`
}

// Timeline merges conditions, Events, the machine's history and the console's last lines by time.
// Entries of the same time stay in that order. Lines of the console have no time of their own: they
// are together at the time when the last was written.
func Timeline(f Facts) []Entry {
	var entries []Entry
	add := func(at time.Time, kind string, warning bool, format string, args ...any) {
		entries = append(entries, Entry{Time: metav1.NewTime(at), Kind: kind, Warning: warning, Text: fmt.Sprintf(format, args...)})
	}
	conditions := func(on string, all []metav1.Condition) {
		for _, c := range all {
			add(c.LastTransitionTime.Time, KindCondition, false, "%s %s", on, conditionText(c))
		}
	}
	if f.App != nil && f.AboutApp {
		conditions("App", f.App.Status.Conditions)
	}
	if f.VM != nil {
		conditions("LimaVM", f.VM.Status.Conditions)
	}
	for _, e := range f.Events {
		times := ""
		if e.Count > 1 {
			times = fmt.Sprintf(" (%d times)", e.Count)
		}
		add(e.Time, KindEvent, e.Warning, "%s %s%s: %s", e.On, e.Reason, times, FirstLine(e.Message))
	}
	for _, p := range f.Phases {
		add(p.Time, KindPhase, false, "%s", p.Text)
	}
	for _, line := range f.Console {
		add(f.ConsoleTime, KindConsole, false, "%s", line)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.Time.Compare(b.Time.Time) })
	return entries
}

func conditionText(c metav1.Condition) string {
	text := fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason)
	if message := FirstLine(c.Message); message != "" {
		text += ": " + message
	}
	return text
}
