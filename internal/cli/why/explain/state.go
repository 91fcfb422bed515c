// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	limav1 "rancherdesktop.io/rdd/api/lima/v1alpha1"
)

// State is what an object does, since when, and what it waits for, by its decisive condition.
type State struct {
	// State is the condition's reason; Deleting for what is being deleted.
	State string `json:"state"`
	// Message says why, or what is waited for.
	Message string       `json:"message,omitempty"`
	Since   *metav1.Time `json:"since,omitempty"`
}

// stateDeleting is the State of what is being deleted.
const stateDeleting = "Deleting"

// displayNames are names for people, where they are not the reason of the condition.
var displayNames = map[string]string{
	limav1.ReasonStarted: "Running", limav1.ReasonPending: "Creating", limav1.ReasonReconciling: "Looking",
}

// ConditionState returns the state that a condition describes. It is Unknown for nil: then no
// controller has observed the object yet.
func ConditionState(c *metav1.Condition) State {
	if c == nil {
		return State{State: "Unknown", Message: "its controller has not looked at it yet"}
	}
	return State{State: c.Reason, Message: c.Message, Since: &c.LastTransitionTime}
}

// VMState returns the state of a LimaVM. A condition has the time of its last change of status,
// which is not when the machine began to start or stop: that is the time of an Event. events must
// be those of this LimaVM alone, in order of time.
func VMState(vm *limav1.LimaVM, events []Event) State {
	c := decisive(vm.Status.Conditions)
	s := ConditionState(c)
	if c != nil {
		s.since(events)
	}
	if vm.DeletionTimestamp != nil {
		s.State, s.Since = stateDeleting, vm.DeletionTimestamp
	}
	return s
}

// decisive is the condition that describes a LimaVM: Created until that is True, then Running.
func decisive(conditions []metav1.Condition) *metav1.Condition {
	created := meta.FindStatusCondition(conditions, limav1.ConditionCreated)
	if created == nil || created.Status != metav1.ConditionTrue {
		return created
	}
	return meta.FindStatusCondition(conditions, limav1.ConditionRunning)
}

// since takes the time from the last Event of the same reason, if that is later.
func (s *State) since(events []Event) {
	for _, e := range slices.Backward(events) {
		if e.Reason != s.State {
			continue
		}
		if s.Since == nil || e.Time.After(s.Since.Time) {
			at := metav1.NewTime(e.Time)
			s.Since = &at
		}
		return
	}
}

// Text is the state on one line: "Starting: booting 2/5 for 12s", "StartFailed for 3m: …".
func (s State) Text(now time.Time) string {
	name := s.State
	if display := displayNames[name]; display != "" {
		name = display
	}
	message, since := brief(s.Message), ""
	if s.Since != nil {
		since = " for " + duration.HumanDuration(now.Sub(s.Since.Time))
	}
	switch {
	case message == "":
		return name + since
	case s.moving():
		return name + ": " + message + since
	default:
		return name + since + ": " + message
	}
}

// moving reports whether the message says what is being done, not why nothing is done.
func (s State) moving() bool {
	return slices.Contains(
		[]string{limav1.ReasonStarting, limav1.ReasonStopping, limav1.ReasonPending, limav1.ReasonReconciling, stateDeleting}, s.State,
	)
}

// UnexpectedExits says how often a machine has ended by itself lately.
type UnexpectedExits struct {
	Count int `json:"count"`
	// Last is when it ended last, and Cause why.
	Last  metav1.Time `json:"last"`
	Cause string      `json:"cause,omitempty"`
	// Message is the whole message of the last Event.
	Message string `json:"-"`
}

// exitWindow is how long an unexpected exit counts. The back-off of restarts forgets after the same
// time without one.
const exitWindow = 10 * time.Minute

// RecentExits counts a LimaVM's unexpected exits within the last 10 minutes; nil when there were
// none.
func RecentExits(events []Event, now time.Time) *UnexpectedExits {
	var d *UnexpectedExits
	for _, e := range events {
		if e.Reason != limav1.EventMachineDied || now.Sub(e.Time) > exitWindow {
			continue
		}
		if d == nil {
			d = &UnexpectedExits{}
		}
		d.Count += e.Count
		d.Last, d.Cause, d.Message = metav1.NewTime(e.Time), cmp.Or(e.Cause, e.Message), e.Message
	}
	return d
}

// Explains reports whether a state's message is about the last unexpected exit.
func (d *UnexpectedExits) Explains(s State) bool {
	return d.Message != "" && brief(s.Message) == brief(d.Message)
}

// Text describes the unexpected exits on one line.
func (d *UnexpectedExits) Text(now time.Time) string {
	times := "once"
	if d.Count > 1 {
		times = fmt.Sprintf("%d times", d.Count)
	}
	return fmt.Sprintf(
		"ended by itself %s lately, the last time %s ago: %s", times, duration.HumanDuration(now.Sub(d.Last.Time)), brief(d.Cause),
	)
}

// FirstLine is the first line of text that is not blank. An ellipsis stands for further lines.
func FirstLine(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	first = strings.TrimSpace(first)
	if strings.TrimSpace(rest) != "" {
		return first + " …"
	}
	return first
}

// briefLength limits a message that shares a line with other text, in characters.
const briefLength = 160

// brief is the first line of text, cut to briefLength.
func brief(text string) string {
	first := []rune(FirstLine(text))
	if len(first) > briefLength {
		return string(first[:briefLength-1]) + "…"
	}
	return string(first)
}
