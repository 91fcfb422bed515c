// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
)

func TestTruncate(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		runes   int
		end     string
	}{
		"short":                     {"hello", 5, "hello"},
		"exactly as long as may be": {strings.Repeat("x", 32768), 32768, "x"},
		"one too long":              {strings.Repeat("x", 32769), 32768, "x…"},
		"characters, not bytes":     {strings.Repeat("ü", 32768), 32768, "ü"},
		"between runes":             {strings.Repeat("世", 40000), 32768, "世…"},
		"no UTF-8":                  {"a\xffb", 3, "a\uFFFDb"},
	} {
		got := Truncate(test.message)
		if utf8.RuneCountInString(got) != test.runes || !strings.HasSuffix(got, test.end) || !utf8.ValidString(got) {
			t.Errorf("%s: %d runes, ends in %q", name, utf8.RuneCountInString(got), got[max(0, len(got)-8):])
		}
	}
}

func at(seconds int64) metav1.Time { return metav1.NewTime(time.Unix(seconds, 0)) }

func TestSetCondition(t *testing.T) {
	var conditions []metav1.Condition
	set := func(now int64, status metav1.ConditionStatus, message string) metav1.Condition {
		SetCondition(&conditions, at(now), metav1.Condition{Type: "T", Status: status, Reason: "R", Message: message})
		if len(conditions) != 1 {
			t.Fatalf("conditions: %+v", conditions)
		}
		return conditions[0]
	}
	if c := set(1, "True", "a"); !c.LastTransitionTime.Equal(new(at(1))) {
		t.Errorf("new: %+v", c)
	}
	if c := set(2, "True", "b"); !c.LastTransitionTime.Equal(new(at(1))) || c.Message != "b" {
		t.Errorf("the same status keeps its time: %+v", c)
	}
	if c := set(3, "False", "b"); !c.LastTransitionTime.Equal(new(at(3))) {
		t.Errorf("another status has a new time: %+v", c)
	}
}

func TestMirrorCondition(t *testing.T) {
	ours := []metav1.Condition{{Type: "Running", Status: "True", Reason: "Started", LastTransitionTime: at(1)}, {Type: "Mine", Status: "True"}}
	// The other went down and up again between two passes: the status is equal, the time is not.
	theirs := []metav1.Condition{
		{
			Type: "Running", Status: "True", Reason: "Started", LastTransitionTime: at(9), ObservedGeneration: 77,
			Message: strings.Repeat("世", 40000),
		},
	}
	MirrorCondition(&ours, theirs, "Running", 5)
	got := OwnConditions(ours, "Running")[0]
	if !got.LastTransitionTime.Equal(new(at(9))) || got.ObservedGeneration != 5 || utf8.RuneCountInString(got.Message) != maxMessage {
		t.Errorf("not verbatim: %v, generation %d, %d runes", got.LastTransitionTime, got.ObservedGeneration, utf8.RuneCountInString(got.Message))
	}
	MirrorCondition(&ours, nil, "Running", 5)
	if len(ours) != 1 || ours[0].Type != "Mine" {
		t.Errorf("a condition that is gone there is gone here: %+v", ours)
	}
}

func TestBackoff(t *testing.T) {
	b := &Backoff{Base: time.Second, Max: 8 * time.Second, Reset: time.Minute}
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{1, 2, 4, 8, 8} {
		for range 3 { // asking again does not count again
			if got := b.Remaining("k", now, now); got != want*time.Second {
				t.Fatalf("failure %d: wait %s, want %s", i+1, got, want*time.Second)
			}
		}
		if got := b.Remaining("k", now, now.Add(time.Minute)); got != 0 {
			t.Fatalf("a minute later: wait %s", got)
		}
		now = now.Add(20 * time.Second)
	}
	if got := b.Remaining("other", now, now); got != time.Second {
		t.Errorf("another key: %s", got)
	}
	if got := b.Remaining("k", now.Add(2*time.Minute), now.Add(2*time.Minute)); got != time.Second {
		t.Errorf("after a calm time: %s", got)
	}
	b.Forget("k")
	soon := now.Add(2*time.Minute + time.Second)
	if got := b.Remaining("k", soon, soon); got != time.Second {
		t.Errorf("not forgotten: %s", got)
	}
}

func TestOutcomes(t *testing.T) {
	boom := errors.New("boom")
	conflict := apierrors.NewConflict(schema.GroupResource{}, "x", boom)
	for name, test := range map[string]struct {
		outcome Outcome
		result  ctrl.Result
		err     error
	}{
		"done":         {Done(), ctrl.Result{}, nil},
		"woken":        {Wait("why", 0), ctrl.Result{}, nil},
		"wait":         {Wait("why", time.Second), ctrl.Result{RequeueAfter: time.Second}, nil},
		"sooner":       {Wait("why", time.Minute).Sooner(time.Second), ctrl.Result{RequeueAfter: time.Second}, nil},
		"not later":    {Wait("why", time.Second).Sooner(time.Minute), ctrl.Result{RequeueAfter: time.Second}, nil},
		"retry":        {Retry(boom), ctrl.Result{}, boom},
		"lost race":    {Retry(conflict), ctrl.Result{RequeueAfter: conflictRetry}, nil},
		"stalled":      {Stalled("Reason", "message"), ctrl.Result{RequeueAfter: SlowRetry}, nil},
		"stalled once": {Outcome{Reason: "R", After: time.Second}, ctrl.Result{RequeueAfter: time.Second}, nil},
	} {
		if result, err := test.outcome.Result(); result != test.result || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
	}
}

func TestRunStopsAtTheFirstStepThatIsNotDone(t *testing.T) {
	var ran []string
	step := func(name string, o Outcome) Step[int] {
		return Step[int]{Name: name, Do: func(context.Context, int) Outcome { ran = append(ran, name); return o }}
	}
	boom := errors.New("boom")
	o := Run(t.Context(), 0, []Step[int]{step("first", Done()), step("second", Retry(boom)), step("third", Done())})
	if len(ran) != 2 || !errors.Is(o.Err, boom) || o.Err.Error() != "second: boom" {
		t.Errorf("ran %v, outcome %+v", ran, o)
	}
	if o := Run(t.Context(), 0, []Step[int]{step("first", Done())}); !o.IsDone() {
		t.Errorf("outcome %+v", o)
	}
}

// TestUntil checks that a clock that was set back delays nothing for long.
func TestUntil(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for since, want := range map[time.Duration]time.Duration{
		-2 * time.Minute: 0, -time.Minute: 0, -time.Second: 59 * time.Second, 0: time.Minute,
		time.Second: 61 * time.Second, 2 * time.Minute: 0, 24 * 365 * time.Hour: 0,
	} {
		if got := Until(now.Add(since), time.Minute, now); got != want {
			t.Errorf("since %s: %s, want %s", since, got, want)
		}
	}
}
