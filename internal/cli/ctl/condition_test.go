// SPDX-License-Identifier: Apache-2.0

package ctl

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
)

func TestParseCondition(t *testing.T) {
	for text, want := range map[string]wantedCondition{
		"Settled":         {kind: "Settled", status: metav1.ConditionTrue},
		"Settled=True":    {kind: "Settled", status: metav1.ConditionTrue},
		"Running=false":   {kind: "Running", status: metav1.ConditionFalse},
		"Running=UNKNOWN": {kind: "Running", status: metav1.ConditionUnknown},
	} {
		if got, err := parseCondition(text); err != nil || *got != want {
			t.Errorf("%q is %+v: %v", text, got, err)
		}
	}
	for _, text := range []string{"", "=True", "Running=", "Running=yes", "Running=True=False"} {
		if got, err := parseCondition(text); err == nil || !strings.Contains(err.Error(), "True") {
			t.Errorf("%q is %+v: %v", text, got, err)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	started := now.Add(-time.Hour)
	for text, want := range map[string]time.Time{
		"":                          {},
		"startup":                   started,
		"10m":                       now.Add(-10 * time.Minute),
		"0s":                        now,
		"2026-01-02T11:30:00Z":      now.Add(-30 * time.Minute),
		"2026-01-02T12:30:00+01:00": now.Add(-30 * time.Minute),
	} {
		if got, err := parseSince(text, started, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, want %s: %v", text, got, want, err)
		}
	}
	for _, text := range []string{"yesterday", "-10m", "10", "2026-01-02", "Startup"} {
		if got, err := parseSince(text, started, now); err == nil || !strings.Contains(err.Error(), "startup") {
			t.Errorf("%q is %s: %v", text, got, err)
		}
	}
}

// object has a generation and the condition Ready as given.
func object(generation int64, condition map[string]any) ctrlclient.Object {
	object := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "x"}}}
	object.SetGeneration(generation)
	if condition != nil {
		condition["type"] = "Ready"
		object.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Other", "status": "True"}, condition}}
	}
	return object
}

func TestWantedCondition(t *testing.T) {
	const noon, later = "2026-01-02T12:00:00Z", "2026-01-02T12:00:05Z"
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	ready := wantedCondition{kind: "ready", status: metav1.ConditionTrue}
	with := func(change func(*wantedCondition)) wantedCondition {
		w := ready
		change(&w)
		return w
	}
	for name, test := range map[string]struct {
		wanted wantedCondition
		object ctrlclient.Object
		done   bool
		why    string
	}{
		"no object yet": {ready, nil, false, "it does not exist yet"},
		"no status":     {ready, object(1, nil), false, "it has no condition ready"},
		"as wanted":     {ready, object(1, map[string]any{"status": "True"}), true, ""},
		"another status": {
			ready, object(1, map[string]any{"status": "False", "reason": "Slow", "message": "wait"}), false, "Ready is False, Slow: wait",
		},
		"the present version": {ready, object(2, map[string]any{"status": "True", "observedGeneration": int64(2)}), true, ""},
		"an older version": {
			ready, object(2, map[string]any{"status": "True", "observedGeneration": int64(1)}), false,
			"Ready is True (for an older version of the resource)",
		},
		"no version": {ready, object(2, map[string]any{"status": "True"}), true, ""},
		"the reason": {
			with(func(w *wantedCondition) { w.reason = "Up" }), object(1, map[string]any{"status": "True", "reason": "Up"}), true, "",
		},
		"another reason": {
			with(func(w *wantedCondition) { w.reason = "Up" }), object(1, map[string]any{"status": "True", "reason": "Idle"}), false,
			"Ready is True, Idle",
		},
		"False is wanted": {
			with(func(w *wantedCondition) { w.status = metav1.ConditionFalse }), object(1, map[string]any{"status": "False"}), true, "",
		},
		"since long": {
			with(func(w *wantedCondition) { w.since = at(later) }), object(1, map[string]any{"status": "True", "lastTransitionTime": noon}), false,
			"Ready is True (since " + at(noon).Local().Format(time.RFC3339) + ")",
		},
		"since then": {
			with(func(w *wantedCondition) { w.since = at(noon) }), object(1, map[string]any{"status": "True", "lastTransitionTime": later}), true,
			"",
		},
		"within one second": {
			with(func(w *wantedCondition) { w.since = at(noon).Add(900 * time.Millisecond) }),
			object(1, map[string]any{"status": "True", "lastTransitionTime": noon}), true, "",
		},
		"since nobody knows": {
			with(func(w *wantedCondition) { w.since = at(noon) }), object(1, map[string]any{"status": "True"}), false,
			"Ready is True (since " + time.Time{}.Local().Format(time.RFC3339) + ")",
		},
		"conditions of a Pod":   {ready, object(1, map[string]any{"status": "True", "lastProbeTime": nil, "lastTransitionTime": noon}), true, ""},
		"conditions of a Crane": {ready, object(1, map[string]any{"status": "True", "weight": int64(5)}), true, ""},
	} {
		got, err := test.wanted.predicate(test.object)
		if err != nil || got.Done != test.done || got.Why != test.why {
			t.Errorf("%s: %+v, want %t %q: %v", name, got, test.done, test.why, err)
		}
		if (test.wanted.found != nil) != test.done {
			t.Errorf("%s: found %+v", name, test.wanted.found)
		}
	}
}

func TestWantedConditionOfTheDeleted(t *testing.T) {
	w := wantedCondition{kind: "Ready", status: metav1.ConditionTrue}
	if v, err := w.predicate(nil); err != nil || v.Done {
		t.Fatalf("before it exists: %+v: %v", v, err)
	}
	if v, err := w.predicate(object(1, nil)); err != nil || v.Done {
		t.Fatalf("without conditions: %+v: %v", v, err)
	}
	if _, err := w.predicate(nil); err == nil || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("after its deletion: %v", err)
	}
	odd := object(1, nil).(*unstructured.Unstructured)
	odd.Object["status"] = map[string]any{"conditions": "none"}
	if _, err := w.predicate(odd); err == nil || !strings.Contains(err.Error(), "conditions") {
		t.Errorf("conditions that are a text: %v", err)
	}
}
