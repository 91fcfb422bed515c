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

// State is what something does, since when, and what it waits for: a condition in the words of the
// API.
type State struct {
	// State is the condition's reason; Deleting for what is being deleted.
	State string `json:"state"`
	// Message says why, or what is waited for.
	Message string       `json:"message,omitempty"`
	Since   *metav1.Time `json:"since,omitempty"`
}

// stateDeleting is the State of what is being deleted.
const stateDeleting = "Deleting"

// words are what people call some states.
var words = map[string]string{
	limav1.ReasonStarted: "Running", limav1.ReasonPending: "Creating", limav1.ReasonReconciling: "Looking",
}

// Conditioned is the state that a condition tells of; nil: nobody has looked yet.
func Conditioned(c *metav1.Condition) State {
	if c == nil {
		return State{State: "Unknown", Message: "its controller has not looked at it yet"}
	}
	return State{State: c.Reason, Message: c.Message, Since: &c.LastTransitionTime}
}

// Machine is the state of a LimaVM. Events, in order of time, tell since when it starts or stops,
// as the time in a condition is when its status changed; only those of this LimaVM may be among
// them.
func Machine(vm *limav1.LimaVM, events []Event) State {
	c := decisive(vm.Status.Conditions)
	s := Conditioned(c)
	if c != nil {
		s.since(events)
	}
	if vm.DeletionTimestamp != nil {
		s.State, s.Since = stateDeleting, vm.DeletionTimestamp
	}
	return s
}

// decisive is the condition that matters: why it is not created, else how it runs.
func decisive(conditions []metav1.Condition) *metav1.Condition {
	created := meta.FindStatusCondition(conditions, limav1.ConditionCreated)
	if created == nil || created.Status != metav1.ConditionTrue {
		return created
	}
	return meta.FindStatusCondition(conditions, limav1.ConditionRunning)
}

// since corrects the time by the last event of the same reason.
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
	if word := words[name]; word != "" {
		name = word
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

// moving says that the message is what is being done, and not why nothing is.
func (s State) moving() bool {
	return slices.Contains(
		[]string{limav1.ReasonStarting, limav1.ReasonStopping, limav1.ReasonPending, limav1.ReasonReconciling, stateDeleting}, s.State,
	)
}

// Deaths is how often a machine ended by itself lately.
type Deaths struct {
	Count int `json:"count"`
	// Last is when it ended last, Cause why.
	Last  metav1.Time `json:"last"`
	Cause string      `json:"cause,omitempty"`
	// Message is all that was said of the last.
	Message string `json:"-"`
}

// lately is how far back deaths count: the restarts' back-off forgets after the same time of calm.
const lately = 10 * time.Minute

// LastDeaths counts a LimaVM's deaths of late; nil when there were none.
func LastDeaths(events []Event, now time.Time) *Deaths {
	var d *Deaths
	for _, e := range events {
		if e.Reason != limav1.EventMachineDied || now.Sub(e.Time) > lately {
			continue
		}
		if d == nil {
			d = &Deaths{}
		}
		d.Count += e.Count
		d.Last, d.Cause, d.Message = metav1.NewTime(e.Time), cmp.Or(e.Cause, e.Message), e.Message
	}
	return d
}

// Explains reports whether a state's message is about the last death.
func (d *Deaths) Explains(s State) bool {
	return d.Message != "" && brief(s.Message) == brief(d.Message)
}

// Text is the deaths on one line.
func (d *Deaths) Text(now time.Time) string {
	times := "once"
	if d.Count > 1 {
		times = fmt.Sprintf("%d times", d.Count)
	}
	return fmt.Sprintf(
		"ended by itself %s lately, the last time %s ago: %s", times, duration.HumanDuration(now.Sub(d.Last.Time)), brief(d.Cause),
	)
}

// FirstLine is the first line of text that holds something; an ellipsis stands for others.
func FirstLine(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	first = strings.TrimSpace(first)
	if strings.TrimSpace(rest) != "" {
		return first + " …"
	}
	return first
}

// briefLength is how much of a message stands on a line with other things, in characters.
const briefLength = 160

// brief is the first line of text, cut.
func brief(text string) string {
	first := []rune(FirstLine(text))
	if len(first) > briefLength {
		return string(first[:briefLength-1]) + "…"
	}
	return string(first)
}
